"""The runtime, which decodes bundles of `fairseq-cmlm export` without torch and fairseq.

    from fairseq_cmlm.runtime import Bundle

    bundle = Bundle("bundle")
    print(bundle.translate(["Ein Hund läuft ."], iterations=4)[0].text)

It needs numpy, onnxruntime, and what the bundle's text pipeline uses.
"""

from fairseq_cmlm.runtime.bundle import Bundle
from fairseq_cmlm.translation import Candidate, TracedPass, Translation

__all__ = ["Bundle", "Candidate", "TracedPass", "Translation"]
