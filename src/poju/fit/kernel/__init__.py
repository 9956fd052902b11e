"""Structure of an economy in numpy: location quotient, RCA, proximity, relatedness density, ECI and PCI.

A *table* is a two-dimensional array of non-negative numbers, one row for each region and one column for each industry.
What a table cannot say is stated, never guessed: an empty row or column gives NaN, :func:`describe` names it, and
:func:`complexity` says for each component whether it has an order at all.

The order of use::

    pattern = specialised(location_quotient(table))
    near = relatedness(pattern)
    order = complexity(pattern)
"""

from poju.fit.kernel.complexity import Complexity, complexity
from poju.fit.kernel.quotient import location_quotient, relative_quotient, specialisation, specialised
from poju.fit.kernel.relatedness import density, proximity, relatedness
from poju.fit.kernel.tables import Description, Pattern, Table, checked, components, describe

__all__ = [
    "Complexity",
    "Description",
    "Pattern",
    "Table",
    "checked",
    "complexity",
    "components",
    "density",
    "describe",
    "location_quotient",
    "proximity",
    "relatedness",
    "relative_quotient",
    "specialisation",
    "specialised",
]
