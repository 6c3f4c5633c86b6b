"""What a plug-in fulfils, a protocol a kind."""
