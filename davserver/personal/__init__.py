"""What is stored about one person: told to him (Art. 15 GDPR), and ended (Art. 17 GDPR); docs/decisions/0059."""
