package io.github.dl4jtorch.schedules;

/** How {@link OneCycleLR} and {@link SWALR} go from one value to another. */
public enum AnnealStrategy {
  /** Along half a cosine. */
  COS,
  /** In a straight line. */
  LINEAR;

  /** Goes from {@code start} to {@code end}, of which a fraction of {@code pct} is done. */
  void between(double[] start, double[] end, double pct, double[] out) {
    double cosine = this == COS ? Math.cos(Math.PI * pct) + 1 : 0;
    for (int i = 0; i < out.length; i++) {
      out[i] =
          this == COS
              ? end[i] + (start[i] - end[i]) / 2.0 * cosine
              : (end[i] - start[i]) * pct + start[i];
    }
  }
}
