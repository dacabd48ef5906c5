"""Actions of a day: triggers found in its facts, one action per customer, what came of them, and handing them over.

``tables`` declares and writes, ``triggers`` finds occasions, ``candidates`` says what could be done, ``decisions`` has
``models.actions`` choose, ``results`` counts what came of it, ``audience`` hands over.
"""
