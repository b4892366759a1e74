"""The mutual-information estimator Psi_theta: one for all teachers."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import PartitionSpec

from rsstl_jax._numerics import explicit_mesh, partition_freely, spread

_SHAPES = "teacher must be float[N, B, D] with the student's float[B, D]"


class Estimator(nn.Module):
    """Psi_theta(Z_G, Z_S) -> R, the statistic of Eq. 4: 512, 512, 1 with ReLU between.

    Its first layer on concat(Z_G, Z_S) is Z_G W_g + Z_S W_s. `score_pairs` uses that: Z_S W_s is
    computed once for all teachers and rolled for the product pairs, Z_G W_g once per teacher for
    both kinds of pairs. It equals two calls of the estimator per teacher at about a third less.

    Args:
        extract_width: D, that of the student's and of every teacher's representation.
        hidden_width: units of both hidden layers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> teacher, student = jnp.ones((2, 4, 3)), jnp.arange(12.0).reshape(4, 3)
        >>> estimator = Estimator(3, hidden_width=8)
        >>> params = estimator.init(jax.random.key(0), teacher[0], student)
        >>> joint, product = estimator.apply(params, teacher, student, method="score_pairs")
        >>> by_call = [estimator.apply(params, one, student) for one in teacher]
        >>> bool(jnp.allclose(joint, jnp.stack(by_call), atol=1e-5))
        True
    """

    extract_width: int
    hidden_width: int = 512

    def setup(self) -> None:
        # Drawn as one kernel over both inputs: the fan-in of the concat. Kept as two, or every step
        # would cut it in two.
        shape = (2 * self.extract_width, self.hidden_width)
        self.kernel = self.param("kernel", _draw_kernels, shape)
        self.bias = self.param("bias", nn.initializers.zeros, shape[1:], jnp.float32)
        self.second = nn.Dense(self.hidden_width)
        self.last = nn.Dense(1)

    def __call__(self, teacher: jax.Array, student: jax.Array) -> jax.Array:
        """The scores of B pairs.

        Args:
            teacher: float[B, D]. Z_G of the pairs.
            student: float[B, D]. Z_S of the pairs.

        Returns:
            float[B]. log(p(Z_G | Z_S) / p(Z_G)), up to what the bound leaves open.
        """
        shapes = f"teacher {np.shape(teacher)}, student {np.shape(student)}"
        words = f"{shapes}: both must be float[B, D]"
        chex.assert_shape([teacher, student], (None, self.extract_width), custom_message=words)
        chex.assert_equal_shape([teacher, student], custom_message=words)
        pair = jnp.concatenate([teacher, student], axis=-1)
        kernel = jnp.concatenate([self.kernel["teacher"], self.kernel["student"]])
        return self._rest(pair @ kernel + self.bias[None, :])

    def score_pairs(self, teacher: jax.Array, student: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The scores of the joint and of the product pairs of all teachers (Alg. 3, l. 13-15).

        Args:
            teacher: float[N, B, D]. Z_G of N teachers.
            student: float[B, D]. Z_S.

        Returns:
            joint float[N, B], of (Z_G[i, k], Z_S[k]); product float[N, B], of
            (Z_G[i, k], Z_S[k + 1]), where the last sample is followed by the first.
        """
        chex.assert_shape(student, (None, self.extract_width), custom_message=_SHAPES)
        chex.assert_shape(teacher, (None, *student.shape), custom_message=_SHAPES)
        if explicit_mesh((teacher, student)) is None:
            return self._score_pairs(teacher, student)
        module, variables = self.unbind()
        score = lambda variables, *pair: module.apply(variables, *pair, method="_score_pairs")  # noqa: E731
        spec = PartitionSpec(*jax.typeof(teacher).sharding.spec[:2])
        return partition_freely(score, (variables, teacher, student), spec)

    def _score_pairs(self, teacher: jax.Array, student: jax.Array) -> tuple[jax.Array, jax.Array]:
        num_teachers, batch, width = teacher.shape
        # Matrices of two axes: products of three would transpose the largest arrays of the step.
        from_teacher = teacher.reshape(-1, width) @ self.kernel["teacher"] + self.bias[None, :]
        from_teacher = from_teacher.reshape(num_teachers, batch, -1)
        from_student = student @ self.kernel["student"]
        both = jnp.stack([from_student, jnp.roll(from_student, -1, axis=0)])
        first = spread(from_teacher, 0, 2) + spread(both, 1, num_teachers)
        scores = self._rest(first.reshape(-1, self.hidden_width))
        joint, product = scores.reshape(2, num_teachers, batch)
        return joint, product

    def _rest(self, first: jax.Array) -> jax.Array:
        hidden = nn.relu(self.second(nn.relu(first)))
        return self.last(hidden)[..., 0]


def _draw_kernels(key: jax.Array, shape: tuple[int, int]) -> dict[str, jax.Array]:
    teacher, student = jnp.split(nn.initializers.lecun_normal()(key, shape, jnp.float32), 2)
    return {"teacher": teacher, "student": student}
