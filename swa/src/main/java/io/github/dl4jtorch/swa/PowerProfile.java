package io.github.dl4jtorch.swa;

/**
 * How much each moment of a training counts in a moving average whose profile is a power function:
 * at time {@code t} a moment {@code tau} before it counts {@code (gamma + 1) tau^gamma / t^(gamma +
 * 1)}. Its width, the standard deviation relative to {@code t}, is the same at all times.
 *
 * <p>The formulas are those of Karras et al., <a href="https://arxiv.org/abs/2312.02696">Analyzing
 * and Improving the Training Dynamics of Diffusion Models</a>, section 3 and appendix C.
 *
 * @param gamma the exponent, {@code >= 0}
 */
record PowerProfile(double gamma) {

  /** The width of an equal average, of which no power function that grows is wider. */
  private static final double WIDEST = Math.sqrt(1.0 / 12);

  /**
   * Returns the profile of a width, which is {@code sqrt((gamma + 1) / ((gamma + 2)^2 (gamma +
   * 3)))}.
   *
   * @throws IllegalArgumentException if it is not above 0 and up to that of an equal average
   */
  static PowerProfile ofSigmaRel(double sigmaRel) {
    // Up to a last digit more, for who writes 0.2887.
    if (!(sigmaRel >= 1e-6 && sigmaRel <= 0.2887)) {
      throw Require.illegal("sigmaRel", ">= 1e-6 and <= 0.2887", sigmaRel);
    }
    if (sigmaRel >= WIDEST) {
      return new PowerProfile(0);
    }
    // The largest root of the cubic, from above, where it is convex: Newton's steps only go down.
    double t = 1 / (sigmaRel * sigmaRel);
    double gamma = 1 / sigmaRel;
    while (true) {
      double value = ((gamma + 7) * gamma + (16 - t)) * gamma + (12 - t);
      double slope = (3 * gamma + 14) * gamma + (16 - t);
      double next = gamma - value / slope;
      if (!(next < gamma)) {
        return new PowerProfile(gamma);
      }
      gamma = Math.max(next, 0);
    }
  }

  /** Returns the width. */
  double sigmaRel() {
    return Math.sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2);
  }

  /** Returns the share that the average keeps when a model joins the n before it. */
  double decay(long n) {
    return Math.pow((double) n / (n + 1), gamma + 1);
  }

  /** Returns the inner product of this profile at a time and another at its time. */
  double times(double time, PowerProfile other, double otherTime) {
    double earlier = time < otherTime ? other.gamma : gamma;
    double ratio = Math.min(time, otherTime) / Math.max(time, otherTime);
    return (gamma + 1)
        * (other.gamma + 1)
        * Math.pow(ratio, earlier)
        / ((gamma + other.gamma + 1) * Math.max(time, otherTime));
  }
}
