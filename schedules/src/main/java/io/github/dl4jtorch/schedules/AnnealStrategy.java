package io.github.dl4jtorch.schedules;

/** How {@link OneCycleLR} and {@link SWALR} go from one value to another. */
public enum AnnealStrategy {
  /** Along half a cosine. */
  COS,
  /** In a straight line. */
  LINEAR;

  /** Goes from {@code start} to {@code end}, of which a fraction of {@code pct} is done. */
  double between(double start, double end, double pct) {
    return this == COS
        ? end + (start - end) / 2.0 * (Math.cos(Math.PI * pct) + 1)
        : (end - start) * pct + start;
  }
}
