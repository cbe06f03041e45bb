"""One file a question. A file added here is a question added: it has TITLE, ABOUT and comparisons()."""
