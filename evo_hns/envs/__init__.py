"""The rules of hide-and-seek on top of any physics: what agents may do, what they see, what they are paid."""
