from .engine import Value
from .modes import no_grad
from .toposort import compiled
