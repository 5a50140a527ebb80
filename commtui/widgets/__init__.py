"""What screens are made of: each widget shows what it is given and posts typed messages."""
