"""The compiled core: use it through striate.engine."""

from collections.abc import Sequence

class Cache:
    @property
    def level(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def line_bytes(self) -> int: ...
    @property
    def shared_by(self) -> int: ...

class Machine:
    @property
    def processor(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def instruction_sets(self) -> list[str]: ...
    @property
    def caches(self) -> list[Cache]: ...
    @property
    def logical_cores(self) -> int: ...
    @property
    def usable_cores(self) -> int: ...
    @property
    def quota_cores(self) -> float | None: ...
    @property
    def memory_bytes(self) -> int: ...

def machine() -> Machine: ...
def isas() -> list[tuple[str, str]]:
    """Instruction sets, best first, each with why it cannot run."""

def forced_isa() -> str:
    """What STRIATE_ISA said when this was loaded, or ""."""

def chosen_isa() -> str | None:
    """Whose kernels run; None where the forced set cannot."""

class Rate:
    @property
    def per_second(self) -> float: ...
    @property
    def threads(self) -> int: ...

def read_buffer_bytes() -> int: ...
def measure_multiply_adds(threads: int) -> Rate: ...
def measure_reads(threads: int, size_bytes: int) -> Rate: ...
def spectral_right(groups: int, columns: int, depth: int, frequencies: int) -> int:
    """How many floats a packed right side takes."""

def pack_spectra(
    from_: int, to: int, sizes: Sequence[int], steps: Sequence[int], conjugate: bool, threads: int
) -> None: ...
def spectral_workspace(sizes: Sequence[int]) -> int:
    """Bytes of scratch, for each thread."""

def spectral_product(
    left: int,
    right: int,
    out: int,
    sizes: Sequence[int],
    left_steps: Sequence[int],
    out_steps: Sequence[int],
    add: bool,
    scratch: int,
    threads: int,
) -> None: ...

class Overlap:
    def __init__(
        self,
        planes: Sequence[int],
        tiles: Sequence[int],
        step: Sequence[int],
        before: Sequence[int],
        window: Sequence[int],
        size: Sequence[int],
    ) -> None: ...

def cut(overlap: Overlap, from_: int, to: int, images: int, threads: int) -> None: ...
def unfold(spectra: int, to: int, count: int, size: Sequence[int], threads: int) -> None: ...
def put(overlap: Overlap, spectra: int, offset: int, to: int, images: int, threads: int) -> None: ...
def transpose(
    from_: int, to: int, matrices: int, rows: int, columns: int, threads: int, doubles: bool = False
) -> None: ...
def prefer_large_pages(from_: int, bytes: int) -> None: ...
def begin_flushing(threads: int) -> None:
    """Take denormal numbers for zero from here on."""

def end_flushing(threads: int) -> None: ...

class Problem:
    def __init__(
        self,
        x: Sequence[int],
        kernels: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
        bias: bool = False,
        residual: bool = False,
        relu: bool = False,
        doubles: bool = False,
    ) -> None: ...
    @property
    def output(self) -> list[int]: ...

def algorithms() -> list[str]: ...
def refuses(algorithm: int, problem: Problem) -> str | None:
    """Why it cannot compute this; None where it can."""

def cost(algorithm: int, problem: Problem, threads: int) -> float: ...
def workspace_bytes(algorithm: int, problem: Problem, threads: int) -> int: ...
def prepared_numbers(algorithm: int, problem: Problem) -> int: ...
def prepare(algorithm: int, problem: Problem, weight: int, steps: Sequence[int], to: int, threads: int) -> None: ...
def run(
    algorithm: int,
    problem: Problem,
    x: int,
    prepared: int,
    bias: int,
    residual: int,
    y: int,
    scratch: int,
    threads: int,
) -> None: ...
def run_apart(
    algorithm: int,
    problem: Problem,
    x: int,
    prepared: int,
    bias: int,
    y: int,
    add: bool,
    apart: Sequence[int],
    scratch: int,
    threads: int,
) -> None: ...

class Door:
    def __init__(self) -> None: ...
    def find(self, tensors: tuple, settings: tuple, asked: object, most: object) -> object:
        """The call that was kept; None if none was, or if it must not be used."""

    def keep(self, call: object, tensors: tuple, settings: tuple, asked: object, most: object) -> None: ...
    def clear(self) -> None: ...

def deep_refuses(algorithm: int, slice: Problem, sizes: Sequence[int]) -> str | None:
    """Why it cannot take all planes at once; None where it can."""

def deep_cost(algorithm: int, slice: Problem, sizes: Sequence[int]) -> float: ...
def deep_workspace_bytes(algorithm: int, slice: Problem, sizes: Sequence[int], threads: int) -> int: ...
def run_deep(
    algorithm: int,
    slice: Problem,
    sizes: Sequence[int],
    x: int,
    prepared: Sequence[int],
    bias: int,
    y: int,
    scratch: int,
    threads: int,
) -> None: ...
def depthwise_separable_scratch_bytes(first: Problem, threads: int) -> int: ...
def depthwise_separable(
    algorithms: Sequence[int],
    first: Problem,
    second: Problem,
    depthwise: int,
    pointwise: int,
    x: int,
    bias: int,
    y: int,
    scratch: int,
    threads: int,
) -> None: ...
def weight_gradients() -> list[str]: ...
def weight_gradient_refuses(algorithm: int, problem: Problem) -> str | None:
    """Why it cannot compute this; None where it can."""

def weight_gradient_cost(algorithm: int, problem: Problem, threads: int) -> float: ...
def weight_gradient_workspace_bytes(algorithm: int, problem: Problem, threads: int) -> int: ...
def weight_gradient(
    algorithm: int, problem: Problem, x: int, gradient: int, to: int, steps: Sequence[int], scratch: int, threads: int
) -> None: ...

class Pool:
    def __init__(
        self,
        x: Sequence[int],
        positions: Sequence[int],
        taps: Sequence[int],
        stride: Sequence[int],
        before: Sequence[int],
        dilation: Sequence[int],
        channels_last: bool,
        depth: Sequence[int] = [1, 1, 1, 1, 0, 1],
    ) -> None: ...

def max_pool(pool: Pool, x: int, y: int, switches: int, threads: int) -> None: ...
def unpool(pool: Pool, y: int, switches: int, x: int, last_wins: bool, threads: int) -> bool: ...
def pick(pool: Pool, x: int, switches: int, y: int, threads: int) -> None: ...
def avg_pool(pool: Pool, divisor: Sequence[int], padding: bool, x: int, y: int, threads: int) -> None: ...
def avg_pool_gradient(pool: Pool, divisor: Sequence[int], padding: bool, y: int, x: int, threads: int) -> None: ...
def response_norm(
    sizes: Sequence[int],
    channels_last: bool,
    around: Sequence[int],
    numbers: Sequence[float],
    x: int,
    gradient: int,
    y: int,
    threads: int,
) -> None: ...
def contrast_norm(
    sizes: Sequence[int],
    pixels: bool,
    deep: Sequence[float],
    down: Sequence[float],
    across: Sequence[float],
    subtractive: bool,
    divisive: bool,
    threshold: float,
    x: int,
    gradient: int,
    y: int,
    threads: int,
) -> None: ...

class Unshared:
    def __init__(
        self, sizes: Sequence[int], axes: Sequence[Sequence[int]], x: Sequence[int], y: Sequence[int]
    ) -> None: ...
    def workspace_bytes(self, threads: int) -> int: ...

def unshared(problem: Unshared, x: int, weight: int, y: int, scratch: int, threads: int) -> None: ...
def unshared_input_gradient(problem: Unshared, y: int, weight: int, x: int, scratch: int, threads: int) -> None: ...
def unshared_weight_gradient(problem: Unshared, x: int, y: int, weight: int, scratch: int, threads: int) -> None: ...

class Program:
    def __init__(self) -> None: ...
    @property
    def size(self) -> int: ...
    def scratch_bytes(self, threads: int) -> int: ...
    def convolve(
        self,
        algorithm: int,
        problem: Problem,
        x: tuple[int, int],
        prepared: int,
        bias: int,
        residual: tuple[int, int] | None,
        y: tuple[int, int],
        apart: Sequence[int] | None,
        then: tuple[int, float, float] | None,
    ) -> None: ...
    def map(
        self,
        sizes: Sequence[int],
        x: tuple[tuple[int, int], int, int, int] | None,
        factor: tuple[tuple[int, int], int, int, int] | None,
        term: tuple[tuple[int, int], int, int, int] | None,
        y: tuple[int, int],
        steps: Sequence[int],
        then: tuple[int, float, float] | None,
    ) -> None: ...
    def max_pool(self, pool: Pool, x: tuple[int, int], y: tuple[int, int]) -> None: ...
    def avg_pool(
        self, pool: Pool, divisor: Sequence[int], padding: bool, x: tuple[int, int], y: tuple[int, int]
    ) -> None: ...
    def response_norm(
        self,
        sizes: Sequence[int],
        around: Sequence[int],
        numbers: Sequence[float],
        x: tuple[int, int],
        y: tuple[int, int],
    ) -> None: ...
    def transpose(self, sizes: Sequence[int], x: tuple[int, int], y: tuple[int, int]) -> None: ...
    def softmax(self, sizes: Sequence[int], x: tuple[int, int], y: tuple[int, int]) -> None: ...
    def run(self, memories: Sequence[int], scratch: int, threads: int, seconds: int = 0) -> None: ...
