"""Other ways to run a network on a processor, and races against them. None of them is needed to use Striate."""
