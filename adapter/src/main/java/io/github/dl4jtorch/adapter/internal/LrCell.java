package io.github.dl4jtorch.adapter.internal;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The place where a param group keeps the rate of its updaters. Cells are equal if they belong to
 * the same block of the same group, whatever their values: DL4J joins neighbours with equal
 * updaters into one block whenever it builds a network, and reads a saved updater state by these
 * blocks, so two groups that happen to be at the same rate must not look alike, and a rate that
 * changes while the configuration is being written must not tear a block apart.
 */
@JsonAutoDetect(
    fieldVisibility = Visibility.NONE,
    getterVisibility = Visibility.NONE,
    isGetterVisibility = Visibility.NONE,
    setterVisibility = Visibility.NONE,
    creatorVisibility = Visibility.NONE)
public final class LrCell implements ISchedule {

  private static final long serialVersionUID = 1L;

  /** What to do if nothing sets the rate of a restored network any more. */
  public static final String FOR_ORPHANS =
      "Make the groups anew, which is enough to keep that rate; for the run to go on, take it up and"
          + " add a SchedulerListener";

  @JsonProperty private final int group;
  @JsonProperty private final int block;
  @JsonProperty private volatile double value;
  // The rate of the last update, which the velocity of a Nesterovs carries; 0 if not known.
  @JsonProperty private volatile double velocityLr;
  // Whether a listener steps a run that sets the rate, and it does not just stand there.
  @JsonProperty private volatile boolean isDriven;
  // What it was read with, until it is clear whether a param group takes its place.
  private transient volatile @Nullable Orphans orphans;

  private LrCell(int group, int block, double value, double velocityLr, boolean isDriven) {
    this.group = group;
    this.block = block;
    this.value = value;
    this.velocityLr = velocityLr;
    this.isDriven = isDriven;
  }

  /** Returns a cell without a rate that goes on from what an updater has. */
  public static LrCell inPlaceOf(IUpdater updater, int group, int block) {
    boolean isDriven = UpdaterFields.schedule(updater) instanceof LrCell cell && cell.isDriven;
    return new LrCell(group, block, Double.NaN, velocityLr(updater), isDriven);
  }

  @JsonCreator
  static LrCell read(
      @JsonProperty(value = "group", required = true) int group,
      @JsonProperty(value = "block", required = true) int block,
      @JsonProperty(value = "value", required = true) double value,
      @JsonProperty("velocityLr") double velocityLr,
      @JsonProperty("isDriven") boolean isDriven) {
    LrCell cell = new LrCell(group, block, value, velocityLr, isDriven);
    cell.orphans = isDriven ? Orphans.ofThisRead() : null;
    return cell;
  }

  /** Says what is wrong if nothing sets the rate of a restored network any more, else null. */
  public @Nullable String complaint() {
    return orphans == null ? null : Orphans.complaint(value);
  }

  /** Notes that a listener steps a run which sets the rate. */
  public void drive() {
    isDriven = true;
  }

  public void set(double value) {
    this.value = value;
  }

  /** Returns the rate, which an updater of frozen parameters keeps for later. */
  public double value() {
    return value;
  }

  public void setVelocityLr(double velocityLr) {
    this.velocityLr = velocityLr;
  }

  /** Returns the rate that a cell in an updater has for its velocity, 0 if there is none. */
  public static double velocityLr(IUpdater updater) {
    return UpdaterFields.schedule(updater) instanceof LrCell cell ? cell.velocityLr : 0;
  }

  @Override
  public double valueAt(int iteration, int epoch) {
    Orphans read = orphans;
    if (read != null && read.asked(value)) {
      orphans = null;
    }
    return value;
  }

  @Override
  public ISchedule clone() {
    return new LrCell(group, block, value, velocityLr, isDriven);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LrCell cell && cell.group == group && cell.block == block;
  }

  @Override
  public int hashCode() {
    return 31 * group + block;
  }

  @Override
  public String toString() {
    return "LrCell[group=" + group + ", block=" + block + ", value=" + value + "]";
  }
}
