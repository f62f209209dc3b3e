"""Runs: recipes that decide what is trained and how, and the verbs that train and judge."""

from striate.recipes.judging import evaluate, report
from striate.recipes.recipe import Recipe
from striate.recipes.rehearsal import Rehearsal, dry_run
from striate.recipes.table import RECIPES, recipe_for
from striate.recipes.training import resume, train

__all__ = ["RECIPES", "Recipe", "Rehearsal", "dry_run", "evaluate", "recipe_for", "report", "resume", "train"]
