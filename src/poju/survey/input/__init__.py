"""From untrusted files to texts: what a file is, how its bytes become characters, which of them are its text.

=================  =====================================================================================
``sources``        which files a person meant: files, folders, lists of addresses saved earlier
``kinds``          what the bytes are: text, HTML, PDF, DOCX; told by their content, not by their name
``encodings``      bytes → characters, strictly, or one clear error
``markup``         HTML → its text without the page around it
``word``           DOCX → its paragraphs and tables in order
``portable``       PDF → its text layer, by one extractor or by the better of two
``layout``         lines with their places on a page → whole paragraphs
``ideographs``     which characters a text layer should not hold, and what they stand for
``load``           one file → one `Document`
=================  =====================================================================================
"""
