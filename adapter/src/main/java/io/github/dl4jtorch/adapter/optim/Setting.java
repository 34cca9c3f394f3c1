package io.github.dl4jtorch.adapter.optim;

import java.io.Serializable;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonInclude;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A number that is fixed or follows a schedule; the value is NaN if there is a schedule. A fixed
 * one can be set in place, since that may happen in every iteration; so each updater has its own.
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
@JsonInclude(JsonInclude.Include.NON_NULL)
final class Setting implements Serializable {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double value;
  @JsonProperty private final @Nullable ISchedule schedule;

  @JsonCreator
  Setting(
      @JsonProperty("value") double value, @JsonProperty("schedule") @Nullable ISchedule schedule) {
    this.value = value;
    this.schedule = schedule;
  }

  static Setting of(double value) {
    return new Setting(value, null);
  }

  static Setting of(ISchedule schedule) {
    return new Setting(Double.NaN, schedule);
  }

  Setting copy() {
    return new Setting(value, schedule);
  }

  double value() {
    return value;
  }

  @Nullable ISchedule schedule() {
    return schedule;
  }

  void set(double value) {
    this.value = value;
  }

  double at(int iteration, int epoch) {
    return schedule == null ? value : schedule.valueAt(iteration, epoch);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Setting setting
        && Double.compare(setting.value, value) == 0
        && Objects.equals(setting.schedule, schedule);
  }

  @Override
  public int hashCode() {
    return 31 * Double.hashCode(value) + Objects.hashCode(schedule);
  }

  @Override
  public String toString() {
    return schedule == null ? String.valueOf(value) : schedule.toString();
  }
}
