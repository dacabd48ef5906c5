"""Actions of a day: facts, triggers, decisions, results, and the job that makes them."""
