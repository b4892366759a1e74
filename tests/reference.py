"""The paper's equations in NumPy float64 and plain loops: the oracle of the loss tests.

Written from the paper's text, one symbol at a time, and slow on purpose. Where the project settles
an ambiguity of the paper, the comment says so.
"""

import math

import numpy as np


def dot(a, b):
    """Sum of products, one by one."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        total += float(x) * float(y)
    return total


def norm(a):
    """Euclidean norm."""
    return math.sqrt(dot(a, a))


def normalized(a):
    """Vector over its norm; a zero vector stays as it is."""
    length = norm(a)
    return [float(x) / length if length > 0 else 0.0 for x in a]


def angular_similarity_loss(student, teacher, margin):
    """Eq. 1, with its arc cosine."""
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        total += dot(normalized(s), normalized(t))
    cosine = min(1.0, max(-1.0, total / len(student)))
    return max(0.0, 1.0 - math.cos(math.acos(cosine) + margin))


def localization_loss(predicted, actual):
    """Eq. 2, one summand a sample, before the mean."""
    return np.array([norm(np.subtract(y, r)) for r, y in zip(predicted, actual, strict=True)])


def mutual_information_bound(joint_scores, product_scores):
    """Eq. 4 for one teacher, its logarithms as printed (scores must not overflow exp)."""
    joint = [-math.log(1.0 + math.exp(-psi)) for psi in np.ravel(joint_scores)]
    product = [math.log(1.0 + math.exp(psi)) for psi in np.ravel(product_scores)]
    return sum(joint) / len(joint) - sum(product) / len(product)


def product_pairs(x):
    """Algorithm 3, line 13."""
    return np.array([x[(k + 1) % len(x)] for k in range(len(x))])


def adaptive_average_pool(sample, bins):
    """Mean over bin i = [floor(i d / m), ceil((i + 1) d / m)) of one sample's features."""
    width = len(sample)
    pooled = []
    for i in range(bins):
        start = math.floor(i * width / bins)
        stop = math.ceil((i + 1) * width / bins)
        pooled.append(sum(float(x) for x in sample[start:stop]) / (stop - start))
    return pooled


def sample_products(z_in, z_out):
    """(Zhat_{j-1})^Gamma (Zhat_j) of Eq. 8, over the batch size as the project settles it."""
    batch = len(z_in)
    width = min(len(z_in[0]), len(z_out[0]))
    hat_in = [normalized(adaptive_average_pool(z, width)) for z in z_in]
    hat_out = [normalized(adaptive_average_pool(z, width)) for z in z_out]
    a = np.zeros((batch, batch))
    for k in range(batch):
        for m in range(batch):
            a[k, m] = dot(hat_in[k], hat_out[m]) / batch
    return a


def transmitting_matrix(z_in, z_out):
    """Eq. 8: [A]^Gamma [A]."""
    a = sample_products(z_in, z_out)
    batch = len(a)
    t = np.zeros((batch, batch))
    for k in range(batch):
        for m in range(batch):
            t[k, m] = dot(a[:, k], a[:, m])
    return t


def top_eigenvalue(matrix, num_iterations):
    """Algorithm 1 without its last square root.

    v is one vector, where the listing draws a matrix; it starts from all ones, where the listing
    draws it at random. v_norm is 1 after line 5 but for rounding.
    """
    v = [1.0] * len(matrix)
    for _ in range(num_iterations):
        m = [dot(row, v) for row in matrix]
        mu = norm(m)
        if mu == 0.0:
            return 0.0
        v = [x / mu for x in m]
    return mu / norm(v)


def functional_information(z_in, z_out, num_iterations):
    """Line 7 of Algorithm 1 on the transmitting matrix."""
    return math.sqrt(top_eigenvalue(transmitting_matrix(z_in, z_out), num_iterations))


def functional_information_loss(student_fi, teacher_fi):
    """Eq. 11, one summand a teacher, before the sum."""
    pairs = zip(np.ravel(student_fi), np.ravel(teacher_fi), strict=True)
    return np.array([abs(float(g) - float(s)) for s, g in pairs])


def overall_loss(weights, values):
    """Eq. 12 with the normalised weights of the line above it."""
    total = 0.0
    for weight, value in zip(weights, values, strict=True):
        total += float(weight) / sum(float(w) for w in weights) * float(value)
    return total


def critic_loss(real_scores, generated_scores):
    """Gulrajani et al. 2017, Eq. 3, first two terms."""
    real, generated = np.ravel(real_scores), np.ravel(generated_scores)
    return sum(map(float, generated)) / len(generated) - sum(map(float, real)) / len(real)


def generator_loss(generated_scores):
    """Gulrajani et al. 2017, Algorithm 1, line 12."""
    generated = np.ravel(generated_scores)
    return -sum(map(float, generated)) / len(generated)


def tanh_critic(x, first, bias, last):
    """Scores last . tanh(first^T x + bias) of a one-hidden-layer critic."""
    scores = []
    for sample in x:
        hidden = [math.tanh(dot(first[:, j], sample) + bias[j]) for j in range(len(bias))]
        scores.append(dot(hidden, last))
    return np.array(scores)


def tanh_critic_gradient_penalty(interpolated, first, bias, last):
    """mean((|grad C| - 1)^2) with grad C = first (last * (1 - tanh^2)), written out."""
    total = 0.0
    for sample in interpolated:
        slope = np.zeros(len(sample))
        for j in range(len(bias)):
            hidden = math.tanh(dot(first[:, j], sample) + bias[j])
            slope += first[:, j] * last[j] * (1.0 - hidden**2)
        total += (norm(slope) - 1.0) ** 2
    return total / len(interpolated)
