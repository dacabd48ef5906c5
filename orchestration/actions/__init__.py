"""Actions of a day: triggers found in its facts, one action per customer, their results, and handing them over.

``tables`` declares and writes, ``triggers`` finds occasions, ``candidates`` says what could be done, ``decisions`` has
``models.actions`` choose, ``results`` counts the outcomes, ``audience`` hands over.
"""
