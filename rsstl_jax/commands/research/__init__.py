"""The commands of research: tables, searches, transfer, pretraining, profiles."""
