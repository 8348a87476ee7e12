"""Systems: models that can decode. Ours, fairseq's masked and autoregressive ones, and CTranslate2."""
