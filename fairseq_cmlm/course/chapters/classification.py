"""Chapter: a case, text classification."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter
from fairseq_cmlm.course.tasks import judged, task_part
from fairseq_cmlm.course.text import Text

CHAPTER = Chapter(
    Text("A case: text classification", "案例：文本分类"),
    Text(
        "A label is a target of one word. The decoder reads a single mask and gives a probability to every label: "
        "one pass, and no search. The probabilities are scaled by a temperature that is fitted on the validation "
        "set. Beside the masked model stand the same model begun from one that has learned to restore the task's "
        "own texts (`denoised`), an autoregressive model of the same size, and a linear one (TF-IDF with logistic "
        "regression).",
        "标签就是只有一个词的目标句。解码器读到一个掩码，给每个标签一个概率：只需一轮，不用搜索。概率再用在验证集上"
        "拟合的温度校准。与掩码模型对比的有：从先学会还原本任务文本的模型出发的同一模型（`denoised`）、同样大小的自"
        "回归模型，以及线性模型（TF-IDF 加逻辑回归）。",
    ),
    [
        task_part(
            "sst2",
            "classification/sst2",
            Text("Sentiment: SST-2", "情感：SST-2"),
            judged(
                Text(
                    "Is a sentence of a film review positive or negative?",
                    "影评中的一句话是正面还是负面？",
                )
            ),
        ),
        task_part(
            "agnews",
            "classification/agnews",
            Text("Topics: AG News", "主题：AG News"),
            judged(Text("To which of four topics does a news item belong?", "一条新闻属于四个主题中的哪一个？")),
        ),
    ],
    [
        "Richard Socher et al.: *Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank* "
        "(SST). EMNLP 2013. <https://aclanthology.org/D13-1170>",
        "Xiang Zhang, Junbo Zhao, Yann LeCun: *Character-level Convolutional Networks for Text Classification* (AG "
        "News). NeurIPS 2015. <https://arxiv.org/abs/1509.01626>",
        "Chuan Guo, Geoff Pleiss, Yu Sun, Kilian Q. Weinberger: *On Calibration of Modern Neural Networks*. ICML "
        "2017. <https://arxiv.org/abs/1706.04599>",
    ],
)
