package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonInclude;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** A number that is fixed or follows a schedule; the value is NaN if there is a schedule. */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
@JsonInclude(JsonInclude.Include.NON_NULL)
record Setting(
    @JsonProperty("value") double value, @JsonProperty("schedule") @Nullable ISchedule schedule)
    implements java.io.Serializable {

  @JsonCreator
  Setting {}

  static Setting of(double value) {
    return new Setting(value, null);
  }

  static Setting of(ISchedule schedule) {
    return new Setting(Double.NaN, schedule);
  }

  double at(int iteration, int epoch) {
    return schedule == null ? value : schedule.valueAt(iteration, epoch);
  }

  @Override
  public String toString() {
    return schedule == null ? String.valueOf(value) : schedule.toString();
  }
}
