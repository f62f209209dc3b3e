"""The canonical polyadic decomposition: a three-way tensor as a sum of outer products of three vectors.

Many tensors of one shape are taken apart at once. The axes are I, J and L, and M counts the terms; B counts the
tensors, and X the starts from which each of them is tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["most_terms", "polyadic"]

Factors: TypeAlias = tuple[Tensor, Tensor, Tensor]

# Sweeps at most, and the gain in ten of them, relative to the error, below which no more are made.
SWEEPS, GAIN = 500, 3e-5
# How many times what ten sweeps have gained may still be missing, where the error to come down to is given.
HOPE = 20
# Multiply-adds spent at most in sweeps, those that a small system of equations costs besides its own, and the sweeps
# that every start is given where not all can have all.
EFFORT, OVERHEAD, TRIAL = 1e9, 2e3, 10
# How strongly a sweep is held to where it was: enough to keep terms that nearly cancel from running away.
INERTIA = 1e-9
# Multiply-adds above which single products are not looked for among mixtures of slices.
DETECTABLE = 3e9
# Newton's steps at most, and the multiply-adds in one of them above which none are made.
STEPS, WORK = 100, 5e7


@dataclass(frozen=True)
class _Goal:
    """When to stop: at an error over all tensors, or where too little is gained."""

    norm: Tensor  # of each tensor before it was scaled
    limit: float

    def met(self, error: Tensor) -> bool:
        return self._total(error) <= self.limit

    def idle(self, before: Tensor, after: Tensor) -> bool:
        """Say whether ten steps have gained next to nothing, or far less than is missing."""
        missing, gained = self._total(after) - self.limit, self._total(before) - self._total(after)
        hopeless = self.limit > 0 and missing > HOPE * gained
        return hopeless or bool(((before - after) / (before + 1e-12)).mean(1).max() < GAIN)

    def _total(self, error: Tensor) -> float:
        """Join the tensors' errors, for the best of the starts."""
        return float(torch.linalg.vector_norm(error * self.norm, dim=1).min())


def most_terms(shape: tuple[int, int, int]) -> int:
    """Count the terms with which any tensor of this shape is exact: the product of its two shortest axes.

    Example:
        >>> most_terms((6, 3, 4))
        12
    """
    first, second, _ = sorted(shape)
    return first * second


def polyadic(
    tensors: Float[Tensor, "B I J L"], terms: int, limit: float = 0.0, near: Factors | None = None
) -> tuple[Float[Tensor, "B I M"], Float[Tensor, "B J M"], Float[Tensor, "B L M"]]:
    """Find `a`, `b`, `c` for which `Σ_m a[i, m] · b[j, m] · c[l, m]` is near each tensor in the least-squares sense.

    Alternating least squares from several starts, of which the best result is kept for each tensor. The problem has
    local minima, and no method is known to find the best; but the error is never larger than that of the best slices
    taken apart by themselves, and none is left with `most_terms`. A sum of M products in general position is found
    again if M is at most the second longest axis; and, in tensors that are not large, if it is at most the longest and
    M·(M - 1) at most I·(I - 1)·J·(J - 1) / 2 of the other two. Beyond, often. The same numbers come out every time.

    Args:
        tensors: What to take apart, in float64.
        terms: How many outer products, at most `most_terms`.
        limit: Frobenius norm of what is missing in all tensors together: below it, the search ends early, and as soon
            as it seems out of reach.
        near: What came out for fewer terms, from which the search can begin.

    Returns:
        The vectors, as columns; the three of a term are equally long.

    Source:
        Kolda and Bader, "Tensor decompositions and applications", SIAM Review 51 (2009), section 3.4; the start from
        eigenvectors: Leurgans, Ross and Abel, "A decomposition for three-way arrays", SIAM J. Matrix Anal. Appl. 14
        (1993); that from mixtures of slices: De Lathauwer, "A link between the canonical decomposition in multilinear
        algebra and simultaneous matrix diagonalization", SIAM J. Matrix Anal. Appl. 28 (2006); the inertia: Li,
        Kindermann and Navasca, "Some convergence results on the regularized alternating least-squares method for tensor
        decomposition", Linear Algebra Appl. 438 (2013).

    Example:
        >>> import torch
        >>> tensor = torch.ones(1, 2, 3, 4, dtype=torch.float64)
        >>> torch.einsum("bim,bjm,blm->bijl", *polyadic(tensor, 1)).sub(tensor).abs().max() < 1e-12
        tensor(True)
    """
    # The starts below want the shortest axis in the middle, and the longest last.
    shortest, between, longest = sorted(range(3), key=lambda axis: tensors.shape[1 + axis])
    order = [between, shortest, longest]
    turned = tensors.permute(0, *(1 + axis for axis in order)).contiguous()
    norm = torch.linalg.vector_norm(turned, dim=(1, 2, 3), keepdim=True)
    norm = torch.where(norm > 0, norm, 1.0)
    turned = turned / norm
    sweeps = int(EFFORT / (tensors.numel() * terms + len(tensors) * (terms**3 + OVERHEAD)))
    cheap = sweeps >= SWEEPS * len(STARTS)
    # The slices are there in any case: no result is worse.
    starts = [start(turned, terms) for start in (STARTS if cheap or near is None else STARTS[:1])]
    if near is not None:
        a, b, c = (near[axis] for axis in order)
        starts.append(_grown(turned, (a, b, c / norm[..., 0]), terms))
    trial = SWEEPS if cheap else TRIAL if near is None else 0
    a, b, c = _best(turned, starts, (trial, min(sweeps, SWEEPS)), _Goal(norm.flatten(), limit))
    found = _balanced((a, b, c * norm[..., 0]))
    back = sorted(range(3), key=order.__getitem__)
    return found[back[0]], found[back[1]], found[back[2]]


def _best(tensors: Tensor, starts: list[Factors], sweeps: tuple[int, int], goal: _Goal) -> Factors:
    """Give every start some sweeps, and then the best of each tensor some more."""
    a, b, c = (torch.stack(vectors) for vectors in zip(*starts, strict=True))
    trial, more = sweeps
    factors = _swept(tensors, (a, b, c), trial, goal)
    if trial < more:
        factors = _swept(tensors, _nearest(tensors, factors), more, goal)
    a, b, c = _nearest(tensors, _refined(tensors, factors, goal))
    return a[0], b[0], c[0]


def _nearest(tensors: Tensor, factors: Factors) -> Factors:
    """Keep the best start of each tensor."""
    best = _error(tensors, *factors).argmin(0)
    a, b, c = (vectors[best, torch.arange(len(best), device=best.device)].unsqueeze(0) for vectors in factors)
    return a, b, c


def _swept(tensors: Tensor, factors: Factors, sweeps: int, goal: _Goal) -> Factors:
    """Make sweeps of alternating least squares, each followed by a longer step the same way if that is better."""
    checked = _error(tensors, *factors)
    if goal.met(checked):
        return factors
    for count in range(1, sweeps + 1):
        near = _sweep(tensors, *factors)
        far = _moved(factors, near, max(1.0, count ** (1 / 3)))
        error, farther = _error(tensors, *near), _error(tensors, *far)
        factors = _chosen(farther < error, far, near)
        error = torch.minimum(error, farther)
        if goal.met(error) or (count % 10 == 0 and goal.idle(checked, error)):
            break
        checked = error if count % 10 == 0 else checked
    return factors


def _moved(origin: Factors, target: Factors, share: float) -> Factors:
    a, b, c = (start + share * (end - start) for start, end in zip(origin, target, strict=True))
    return a, b, c


def _chosen(which: Tensor, these: Factors, those: Factors) -> Factors:
    a, b, c = (torch.where(which[..., None, None], x, y) for x, y in zip(these, those, strict=True))
    return a, b, c


def _sweep(tensors: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Factors:
    """Solve for each of the three in turn."""
    length = _length(c)
    a, b, c = a * length, b, c / length
    seen = (tensors.flatten(1, 2) @ c).unflatten(2, tensors.shape[1:3])  # Σ_l, which two of the three need
    a = _solved((seen * b.unsqueeze(2)).sum(3), _gram(b) * _gram(c), a)
    length = _length(a)
    a, b = a / length, b * length
    b = _solved((seen * a.unsqueeze(3)).sum(2), _gram(a) * _gram(c), b)
    length = _length(b)
    b, c = b / length, c * length
    return a, b, _solved(tensors.flatten(1, 2).mT @ _products(a, b), _gram(a) * _gram(b), c)


def _refined(tensors: Tensor, factors: Factors, goal: _Goal) -> Factors:
    """Make damped Newton steps in all three at once: where sweeps creep, these arrive. Too large for large tensors."""
    starts, unknowns = factors[0].shape[0], sum(vectors.shape[2:].numel() for vectors in factors)
    error = _error(tensors, *factors)
    if goal.met(error) or starts * tensors.numel() * unknowns**2 > WORK:
        return factors
    damping = factors[0].new_full(factors[0].shape[:2], 1e-3)
    checked, factors = error, _balanced(factors)
    for count in range(1, STEPS + 1):
        jacobian = _jacobian(*factors)
        rest = (tensors - _composed(*factors)).flatten(2).unsqueeze(3)
        eye = torch.eye(jacobian.shape[3], dtype=rest.dtype, device=rest.device)
        square = jacobian.mT @ jacobian
        size = square.diagonal(dim1=2, dim2=3).mean(2).clamp(min=1e-12)
        step = torch.linalg.solve(square + (size * damping)[..., None, None] * eye, jacobian.mT @ rest).squeeze(3)
        parts = step.split([vectors.shape[2:].numel() for vectors in factors], 2)
        a, b, c = (vectors + part.unflatten(2, vectors.shape[2:]) for vectors, part in zip(factors, parts, strict=True))
        after = _error(tensors, a, b, c)
        better = after < error
        factors, error = _chosen(better, (a, b, c), factors), torch.where(better, after, error)
        damping = torch.where(better, damping / 4, damping * 4).clamp(1e-14, 1e6)
        if goal.met(error) or (count % 10 == 0 and goal.idle(checked, error)):
            break
        checked = error if count % 10 == 0 else checked
    return factors


def _jacobian(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Differentiate the sum of products by every number of the three, `(X, B, I·J·L, M·(I + J + L))`."""
    sums = ["it,xbjm,xblm->xbijltm", "xbim,jt,xblm->xbijltm", "xbim,xbjm,lt->xbijltm"]
    columns: list[Tensor] = []
    for axis, (rule, vectors) in enumerate(zip(sums, (a, b, c), strict=True)):
        operands = [a, b, c]
        operands[axis] = torch.eye(vectors.shape[2], dtype=vectors.dtype, device=vectors.device)
        columns.append(torch.einsum(rule, *operands).flatten(5).flatten(2, 4))
    return torch.cat(columns, 3)


def _gram(vectors: Tensor) -> Tensor:
    return vectors.mT @ vectors


def _length(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-2, keepdim=True).clamp(min=1e-150)


def _solved(right: Tensor, gram: Tensor, before: Tensor) -> Tensor:
    """Solve the normal equations; the other two have columns of length 1, so that the inertia is relative."""
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve(gram + INERTIA * eye, (right + INERTIA * before).mT).mT


def _composed(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (_products(a, b) @ c.mT).unflatten(-2, (a.shape[-2], b.shape[-2]))


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Multiply the vectors of each term, as columns."""
    return (a.unsqueeze(-2) * b.unsqueeze(-3)).flatten(-3, -2)


def _error(tensors: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.linalg.vector_norm(tensors - _composed(a, b, c), dim=(2, 3, 4))


def _balanced(factors: Factors) -> Factors:
    lengths = [_length(vectors) for vectors in factors]
    shared = (lengths[0] * lengths[1] * lengths[2]) ** (1 / 3)
    a, b, c = (vectors * (shared / length) for vectors, length in zip(factors, lengths, strict=True))
    return a, b, c


def _slices(tensors: Tensor, terms: int) -> Factors:
    """Start from the strongest singular vectors of all slices along J: exact with enough terms."""
    left, values, right = torch.linalg.svd(tensors.transpose(1, 2), full_matrices=False)  # (B, J, I, P), (B, J, P), ...
    strongest = values.flatten(1).topk(terms).indices  # (B, M)
    slices = strongest // values.shape[2]
    every = torch.arange(tensors.shape[0], device=tensors.device)[:, None]
    a = left.transpose(2, 3).flatten(1, 2)[every, strongest].mT
    c = (values.unsqueeze(3) * right).flatten(1, 2)[every, strongest].mT
    b = torch.nn.functional.one_hot(slices, tensors.shape[2]).to(tensors.dtype).mT
    return a, b, c


def _grown(tensors: Tensor, near: Factors, terms: int) -> Factors:
    """Start from fewer terms, and the strongest singular vectors of what these leave."""
    left = tensors - _composed(*near)
    a, b, c = (torch.cat(vectors, 2) for vectors in zip(near, _slices(left, terms - near[0].shape[2]), strict=True))
    return a, b, c


def _singular(tensors: Tensor, terms: int) -> Factors:
    """Start from the singular vectors along each axis; noise where there are more terms than vectors."""
    noise = _noise(tensors, terms, seed=1)
    for axis, vectors in enumerate(noise, start=1):
        unfolded = tensors.movedim(axis, 1).flatten(2)
        leading = torch.linalg.svd(unfolded, full_matrices=False).U[..., :terms]
        vectors[..., : leading.shape[2]] = leading
    return noise


def _eigen(tensors: Tensor, terms: int) -> Factors:
    """Start from the eigenvectors that two mixtures of slices have in common: a sum of few terms is found at once."""
    mixes = _noise(tensors, 2, seed=2)[1]
    left = torch.linalg.svd(tensors.flatten(2), full_matrices=False).U[..., :terms]
    right = torch.linalg.svd(tensors.flatten(1, 2), full_matrices=False).Vh[:, :terms].mT
    fewer = min(left.shape[2], right.shape[2])
    core = torch.einsum("bijl,bip,blq,bjx->xbpq", tensors, left[..., :fewer], right[..., :fewer], mixes)
    vectors = torch.linalg.eig(core[0] @ torch.linalg.pinv(core[1])).eigenvectors.real
    a = _noise(tensors, terms, seed=3)[0]
    a[..., :fewer] = left[..., :fewer] @ vectors
    # The other two follow: what each of the first leaves, once the rest is taken away, is nearly a single product.
    rest = torch.linalg.pinv(a) @ tensors.flatten(2)
    u, s, v = torch.linalg.svd(rest.unflatten(2, tensors.shape[2:]), full_matrices=False)
    return a, (u[..., 0] * s[..., :1]).mT, v[..., 0, :].mT


def _detected(tensors: Tensor, terms: int) -> Factors:
    """Start from the single products among all mixtures of slices along L: a sum of no more terms than L is found."""
    (i, k), (j, m) = (torch.triu_indices(n, n, 1) for n in tensors.shape[1:3])
    r, s = torch.triu_indices(terms, terms)
    many = terms > tensors.shape[3] or terms * (terms - 1) > 2 * len(i) * len(j)
    if many or len(tensors) * len(i) * len(j) * len(r) ** 2 > DETECTABLE:
        return _noise(tensors, terms, seed=4)
    slices = (
        torch.linalg.svd(tensors.flatten(1, 2), full_matrices=False).U[..., :terms].unflatten(1, tensors.shape[1:3])
    )
    x, y = slices[..., r], slices[..., s]

    def crossed(x: Tensor, y: Tensor) -> Tensor:
        return x[:, i][:, :, j] * y[:, k][:, :, m] - x[:, i][:, :, m] * y[:, k][:, :, j]

    # Of a single product all minors of two rows and columns are zero; they are quadratic in what is mixed.
    minors = (crossed(x, y) + crossed(y, x)).flatten(1, 2)
    zero = torch.linalg.eigh(minors.mT @ minors).eigenvectors[..., :terms]  # (B, pairs, M)
    forms = tensors.new_zeros(len(tensors), terms, terms, terms)
    forms[:, r, s] = zero
    mixes = torch.randn(terms, 2, generator=torch.Generator().manual_seed(5), dtype=tensors.dtype)
    first, second = torch.einsum("brsm,mx->xbrs", forms + forms.transpose(1, 2), mixes)
    mixtures = torch.linalg.eig(first @ torch.linalg.pinv(second)).eigenvectors.real
    products = torch.einsum("bijr,brm->bmij", slices, mixtures)
    u, _, v = torch.linalg.svd(products, full_matrices=False)
    a, b = u[..., 0].mT, v[..., 0, :].mT
    return a, b, (torch.linalg.pinv(_products(a, b)) @ tensors.flatten(1, 2)).mT


def _noise(tensors: Tensor, terms: int, *, seed: int = 0) -> Factors:
    generator = torch.Generator().manual_seed(seed)
    a, b, c = (
        torch.randn(n, terms, generator=generator, dtype=tensors.dtype).to(tensors.device).repeat(len(tensors), 1, 1)
        for n in tensors.shape[1:]
    )
    return a, b, c


STARTS: list[Callable[[Tensor, int], Factors]] = [_slices, _singular, _eigen, _detected, _noise]
