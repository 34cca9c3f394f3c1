package io.github.dl4jtorch.schedules;

import org.jspecify.annotations.Nullable;

/**
 * Where an optimizer outside this library keeps the learning rate and the momentum of one group.
 * {@link ParamGroup#over(OptimizerValues)} makes a param group of it, so that a run reads and
 * drives the live values.
 */
public interface OptimizerValues {

  /**
   * Returns what messages call the group.
   *
   * @return the name; null, which is the default, for its number
   */
  default @Nullable String name() {
    return null;
  }

  /**
   * Returns the present learning rate.
   *
   * @return the rate
   */
  double lr();

  /**
   * Sets the learning rate.
   *
   * @param lr finite, and not below {@link #lowestLr(double)}
   */
  void setLr(double lr);

  /**
   * Says which momentum a schedule may cycle here.
   *
   * @return the kind
   */
  MomentumKind momentumKind();

  /**
   * Says why there is no momentum to be cycled. Asked only where {@link #momentumKind()} is {@code
   * NONE}.
   *
   * @return what the param group "has", the end of a sentence
   */
  default String insteadOfMomentum() {
    return "neither momentum nor beta1";
  }

  /**
   * Returns the present momentum or beta1.
   *
   * @return the value; anything if there is none
   */
  double momentum();

  /**
   * Sets the momentum or beta1. Not called if there is none, or the value is one that {@link
   * #momentumRange} refuses.
   *
   * @param momentum finite
   */
  void setMomentum(double momentum);

  /**
   * Says which momenta this optimizer takes, if not this one. A run asks all its groups before it
   * writes to the first, so that a refusal leaves all of them as they were. Not called if there is
   * no momentum.
   *
   * @param momentum finite
   * @return null if the value can be set, which is the default; otherwise what it "must be", with
   *     its name, like {@code "beta1 must be >= 0 and < 1"}
   */
  default @Nullable String momentumRange(double momentum) {
    return null;
  }

  /**
   * Returns the lowest learning rate this optimizer takes. A run that would go below throws before
   * anything is written.
   *
   * @param highestLr the highest rate the group has had, {@code >= 0}: where a schedule goes down
   *     to 0, its last value may be a rounding error of such rates below
   * @return the bound
   */
  double lowestLr(double highestLr);
}
