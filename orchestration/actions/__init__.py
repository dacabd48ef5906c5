"""Actions of a day: triggers found in its facts, one action per customer, their results, and the hand-over.

``tables`` writes the tables, ``triggers`` finds triggers, ``candidates`` reads what could be done, ``decisions`` lets
``models.actions`` choose, ``results`` measures outcomes, ``audience`` and ``webhook`` hand over.
"""
