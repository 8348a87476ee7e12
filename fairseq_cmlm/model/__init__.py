"""The network: torch only. It knows neither fairseq, nor the task, nor how it is decoded."""
