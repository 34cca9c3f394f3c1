package io.github.dl4jtorch.adapter.internal;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** The updater and the regularization of the gain of a layer normalization. */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE)
final class GainSlot implements Serializable {

  private static final long serialVersionUID = 1L;

  @JsonProperty private @Nullable IUpdater updater;
  @JsonProperty private @Nullable List<Regularization> regularization;

  /** Makes a place to be filled. */
  GainSlot() {}

  GainSlot(@Nullable IUpdater updater, @Nullable List<Regularization> regularization) {
    this.updater = updater;
    this.regularization = regularization;
  }

  @Nullable IUpdater updater() {
    return updater;
  }

  void setUpdater(@Nullable IUpdater updater) {
    this.updater = updater;
  }

  @Nullable List<Regularization> regularization() {
    return regularization;
  }

  void setRegularization(@Nullable List<Regularization> regularization) {
    this.regularization = regularization;
  }

  /** Returns another place for the same, as DL4J's layers have it after {@code clone()}. */
  GainSlot copy() {
    return new GainSlot(updater, regularization == null ? null : new ArrayList<>(regularization));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GainSlot slot
        && Objects.equals(slot.updater, updater)
        && Objects.equals(slot.regularization, regularization);
  }

  @Override
  public int hashCode() {
    return Objects.hash(updater, regularization);
  }

  @Override
  public String toString() {
    return "GainSlot[updater=" + updater + ", regularization=" + regularization + "]";
  }
}
