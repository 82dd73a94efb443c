"""The page that a team sees every day: /{locale}/ml-training, server-rendered."""
