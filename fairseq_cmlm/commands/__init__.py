"""The console command `fairseq-cmlm`: a file for each subcommand, imported only when it is chosen."""
