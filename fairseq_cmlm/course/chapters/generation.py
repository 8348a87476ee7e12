"""Chapter: a case, text generation."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter
from fairseq_cmlm.course.tasks import judged, task_part
from fairseq_cmlm.course.text import Text

CHAPTER = Chapter(
    Text("A case: text generation", "案例：文本生成"),
    Text(
        "Four tasks in which text is written: from data, in other words, into gaps, and as an answer. Each is "
        "decoded in a few passes beside an autoregressive model of the same size, also after as much time.",
        "四个需要写出文本的任务：由数据写、换句话说、填入空缺、回答问题。每个任务都用几轮解码，并与同样大小的自回归"
        "模型对比，其中一个的训练时间相同。",
    ),
    [
        task_part(
            "data_to_text",
            "data_to_text",
            Text("From data to text: WebNLG", "从数据到文本：WebNLG"),
            judged(
                Text("Triples become a sentence that must name all entities.", "把三元组写成一句话，所有实体都要提到。")
            ),
        ),
        task_part(
            "paraphrase",
            "paraphrase",
            Text("In other words", "换句话说"),
            judged(
                Text(
                    "A sentence becomes another with the same meaning; self-BLEU tells how much was merely copied.",
                    "把一句话改写成意思相同的另一句话；self-BLEU 反映照抄的程度。",
                )
            ),
        ),
        task_part(
            "infilling",
            "infilling",
            Text("Into gaps", "填入空缺"),
            judged(
                Text(
                    "A text with gaps becomes whole. Templates keep the words that are given, which a masked "
                    "decoder can do at any place.",
                    "把有空缺的文本补全。模板保证给定的词不变，掩码解码器在任何位置都能做到这一点。",
                )
            ),
        ),
        task_part(
            "fairytaleqa",
            "question_answering",
            Text("Answers: FairytaleQA", "回答问题：FairytaleQA"),
            judged(
                Text(
                    "A question about a story is answered: written freely, or chosen as a span of the text.",
                    "回答关于一个故事的问题：自由写出答案，或从原文中选取一段。",
                )
            ),
        ),
    ],
    [
        "Claire Gardent et al.: *The WebNLG Challenge*. INLG 2017. <https://aclanthology.org/W17-3518>",
        "Chris Donahue, Mina Lee, Percy Liang: *Enabling Language Models to Fill in the Blanks*. ACL 2020. "
        "<https://arxiv.org/abs/2005.05339>",
        "Ying Xu et al.: *Fantastic Questions and Where to Find Them: FairytaleQA*. ACL 2022. "
        "<https://arxiv.org/abs/2203.13947>",
    ],
)
