"""The course: thirteen chapters in two languages, with figures and tables made of measured results.

It needs neither torch nor a model: a folder of results goes in, pages of Markdown and figures come out.
"""
