"""Batches of a part, made by worker processes or in this one: the same numbers either way."""

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from striate.data.color_noise import color_noise
from striate.data.dataset import Part, Preprocess
from striate.data.order import Order
from striate.data.piece import Piece, random_pieces
from striate.data.transforms import Augment, augment, normalize
from striate.errors import DataError, OptionError

__all__ = ["Batch", "Loader"]

# Where Linux keeps what processes share.
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - only its size is asked for


@dataclass(frozen=True)
class Batch:
    """Images and labels, and which samples they are; `pieces` images of each, where a loader reads so many."""

    images: Float[Tensor, "M C H W"]
    labels: Int64[Tensor, " N"]
    indices: Int64[np.ndarray, " N"]


@dataclass(frozen=True)
class Loader:
    """Reads, augments and normalises the samples of a part, batch by batch.

    Args:
        part: Where the samples are.
        preprocess: How they become a network's input.
        order: Which sample comes when.
        augment: How training images are changed.
        seed: Decides the augmentation.
        workers: Processes that read ahead; 0 reads in this one.
        pieces: What is read of each picture, one after the other; none for the middle, or for random crops.

    Raises:
        OptionError: There is to be colour noise, and how the colours vary is not known.
    """

    part: Part
    preprocess: Preprocess
    order: Order
    augment: Augment = field(default_factory=Augment)
    seed: int = 0
    workers: int = 0
    pieces: tuple[Piece, ...] = ()

    def __post_init__(self) -> None:
        if self.augment.color_noise and not self.preprocess.covariance:
            raise OptionError(
                "load: there is to be colour noise, but how the colours vary is not known.",
                "Pass a preprocessing with the covariance of the training part, or color_noise=0.",
                color_noise=self.augment.color_noise,
            )

    def batches(self, start: int, stop: int, *, parts: int = 1) -> Generator[Batch]:
        """Give the batches of steps `start` to `stop - 1`, each in `parts` equal parts, one after the other.

        Raises:
            DataError: A sample could not be read, a worker died, or there is too little shared memory for the workers.
        """
        wanted = _Batches(self, start, stop, parts)
        if self.workers == 0:
            yield from map(wanted.read, range(len(wanted)))
            return
        self._require_shared_memory(parts)
        loader = DataLoader(
            wanted,
            batch_size=None,
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_the_parent,
        )
        with self.watched():
            iterator: Any = iter(loader)
            try:
                for batch in iterator:
                    if isinstance(batch, DataError):
                        raise batch
                    yield batch
            finally:
                # Now, and not when the iterator is collected: an error's trace may keep it to the end of the process,
                # which would then wait for workers that heed no signal.
                iterator._shutdown_workers()

    @contextmanager
    def watched(self) -> Generator[None]:
        """Explain the death of a worker, which PyTorch's signal handler raises wherever this process happens to be.

        So it goes around all that is done while batches are taken, not only around the taking.

        Raises:
            DataError: A worker died; the message names the sample that each worker had in hand.
        """
        try:
            yield
        except RuntimeError as died:
            if not str(died).startswith("DataLoader worker (pid"):
                raise
            in_hand = [self.part.names[i] for i in self._in_hand.tolist() if i >= 0]
            raise DataError(
                "load: a worker process died.",
                "Look at the samples in hand, or run again with 0 workers: the error is then seen where it happens.",
                workers=self.workers,
                in_hand=", ".join(in_hand) or "none",
                reported=str(died).splitlines()[0].strip(),
            ) from died

    @cached_property
    def _in_hand(self) -> Int64[Tensor, " workers"]:
        """The sample that each worker read last; -1 before the first. The workers share it."""
        return torch.full((self.workers,), -1).share_memory_()

    def _require_shared_memory(self, parts: int) -> None:
        """Say so before training, where the kernel would kill a worker in the middle of it ("Bus error")."""
        if not os.path.isdir(SHARED_MEMORY):
            return
        height, width = self.preprocess.image_size
        samples = -(-self.order.batch_size // parts)
        # Two for each worker are in hand or wait, one is being handed over, and a step holds all its parts.
        held = 2 * self.workers + 1 + parts
        needed = held * samples * self.preprocess.channels * height * width * 4
        disk = os.statvfs(SHARED_MEMORY)
        free = disk.f_bavail * disk.f_frsize
        if needed > free:
            raise DataError(
                "load: /dev/shm is too small for the workers' batches.",
                "Give it more room (docker run --shm-size), or use fewer workers, smaller batches, or 0 workers.",
                needed_bytes=needed,
                free_bytes=free,
                workers=self.workers,
            )


class _Batches(torch.utils.data.Dataset[Any]):
    """The loader as PyTorch's workers see it: item i is batch i, or the error that reading it gave.

    The error is a value, because PyTorch's own way of carrying one over rebuilds it from its text alone.
    """

    def __init__(self, loader: Loader, start: int, stop: int, parts: int) -> None:
        self.loader, self.start, self.stop, self.parts = loader, start, stop, parts
        self.in_hand = loader._in_hand  # made here, before the workers are

    def __len__(self) -> int:
        return (self.stop - self.start) * self.parts

    def __getitem__(self, item: int) -> Batch | DataError:
        try:
            return self.read(item)
        except DataError as error:
            return error

    def read(self, item: int) -> Batch:
        """Make batch `item`."""
        of, (step, part) = self.loader, divmod(item, self.parts)
        step += self.start
        indices = of.order.batch(step, part=part, parts=self.parts)
        key: Any = {"seed": of.seed, "epoch": of.order.epoch(step), "indices": indices}
        images = torch.from_numpy(np.stack(list(self._images(**key))))
        images = augment(images, of.augment, **key)
        images = color_noise(images, of.augment.color_noise, of.preprocess.covariance, **key)
        images = normalize(images, of.preprocess.mean, of.preprocess.std)
        return Batch(images, torch.from_numpy(of.part.labels[indices]), indices)

    def _images(
        self, *, seed: int, epoch: int, indices: Int64[np.ndarray, " N"]
    ) -> Iterator[Float32[np.ndarray, "C H W"]]:
        of, worker = self.loader, get_worker_info()
        pieces = [of.pieces] * len(indices)
        if of.augment.random_crop:
            of_each, sizes = of.preprocess.middle, of.part.sizes[indices]
            drawn = random_pieces(of_each, of.augment.random_crop, sizes, seed=seed, epoch=epoch, indices=indices)
            pieces = [(piece,) for piece in drawn]
        for index, wanted in zip(indices.tolist(), pieces, strict=True):
            if worker is not None:
                self.in_hand[worker.id] = index
            yield from of.part.read_pieces(int(index), wanted) if wanted else [of.part.read(index)]


def _leave_signals_to_the_parent(_worker: int) -> None:
    """Ctrl-C reaches the whole process group: only the parent may act on it, after it has saved."""
    if get_worker_info() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
