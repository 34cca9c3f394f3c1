package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireFinite;
import static io.github.dl4jtorch.schedules.Require.requireGiven;
import static io.github.dl4jtorch.schedules.Require.requirePositive;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Leads every group from a rate of its own to what an epoch schedule gives, and the momentum to its
 * own value, within the first iterations of a training. To be stepped after every iteration, the
 * epoch schedule included:
 *
 * <pre>
 * epoch    = floor(i / iterationsPerEpoch)
 * lr       = warmupLr + (after(epoch) - warmupLr) i / n             for i &lt;= n
 * lr       = after(epoch)                                           for i &gt; n
 * momentum = warmupMomentum + (momentum - warmupMomentum) i / n     for i &lt; n
 * </pre>
 *
 * <p>with {@code n} for {@code warmupIterations}. PyTorch has no such class. This is the warm-up of
 * YOLOv5's training, which leads biases down from 0.1 while all else comes up from 0, and moves
 * with the epoch schedule while that moves.
 *
 * <p>The epoch schedule works on rates of its own during the warm-up, so one that goes by the
 * present rate, like {@link StepLR}, is not misled by it. Rates set by hand meanwhile last for one
 * iteration; after the warm-up they are taken up as the epoch schedule does it. The momentum that a
 * group has when the first {@code WarmupLR} is attached counts as its own, and is kept there as
 * {@code initial_momentum}.
 *
 * <pre>{@code
 * int batches = 100;
 * Schedule yolov5 =
 *     WarmupLR.builder(new LambdaLR(EpochFunction.yolov5Linear(300, 0.01)))
 *         .iterationsPerEpoch(batches)
 *         .warmupIterations(3 * batches)
 *         .warmupLr(List.of(0.0, 0.0, 0.1))
 *         .warmupMomentum(0.8)
 *         .build();
 * }</pre>
 *
 * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
 * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
 * @param warmupIterations iterations of the warm-up, {@code > 0}; YOLOv5 takes 3 epochs, but no
 *     fewer than 100
 * @param warmupLr the rate to start from, finite, or one a group
 * @param warmupMomentum the momentum or beta1 to start from, finite, or null to leave that alone
 */
public record WarmupLR(
    Schedule after,
    int iterationsPerEpoch,
    int warmupIterations,
    PerGroup<Double> warmupLr,
    @Nullable Double warmupMomentum)
    implements Schedule {

  /**
   * Checks the arguments.
   *
   * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
   * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
   * @param warmupIterations iterations of the warm-up, {@code > 0}
   * @param warmupLr the rate to start from, finite, or one a group
   * @param warmupMomentum the momentum or beta1 to start from, finite, or null to leave that alone
   * @throws IllegalArgumentException if one is out of its range, or {@code after} is a plateau
   */
  public WarmupLR {
    requireGiven("after", after);
    Require.requireNoMetric("WarmupLR", after);
    Require.requireLevels("after", List.of(after));
    requirePositive("iterationsPerEpoch", iterationsPerEpoch);
    requirePositive("warmupIterations", warmupIterations);
    requireFinite("warmupLr", warmupLr);
    if (warmupMomentum != null) {
      requireFinite("warmupMomentum", warmupMomentum.doubleValue());
    }
  }

  /**
   * Starts a definition.
   *
   * @param after the epoch schedule, any but a {@link ReduceLROnPlateau}
   * @return a builder; {@link Builder#iterationsPerEpoch} and {@link Builder#warmupIterations} have
   *     to be given
   */
  public static Builder builder(Schedule after) {
    return new Builder(after);
  }

  @Override
  public boolean drivesMomentum() {
    return warmupMomentum != null || after.drivesMomentum();
  }

  @Override
  public void requireFits(ParamGroups groups) {
    warmupLr.requireFits("warmupLr", groups);
    after.requireFits(groups);
    if (warmupMomentum != null) {
      groups.requireMomentum(
          "WarmupLR is to warm up the momentum", "build it without warmupMomentum");
    }
  }

  /**
   * Returns the value on the straight line from the start to the target. At its end that is the
   * target but for rounding.
   */
  double between(double start, double target, int iteration) {
    return start + (target - start) * iteration / warmupIterations;
  }

  /** Returns the arguments that a state is checked against; the schedule has a state of its own. */
  Map<String, Object> parameters() {
    return Entries.of("iterations_per_epoch", iterationsPerEpoch)
        .with("warmup_iterations", warmupIterations)
        .with("warmup_lr", warmupLr.toValue())
        .withIfPresent("warmup_momentum", warmupMomentum)
        .toMap();
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = Entries.ofType("WarmupLR").with("after", after.toMap()).toMap();
    map.putAll(parameters());
    return map;
  }

  static WarmupLR read(Arguments arguments) {
    return new WarmupLR(
        arguments.scheduleByEpochs("after"),
        arguments.integer("iterations_per_epoch"),
        arguments.integer("warmup_iterations"),
        arguments.perGroup("warmup_lr"),
        arguments.has("warmup_momentum") ? (Double) arguments.number("warmup_momentum") : null);
  }

  /**
   * The node of {@link WarmupLR}: the count of iterations and the epoch schedule's node. During the
   * warm-up that node finds the rates that it left itself; these are the {@code lastLr} it
   * remembers. Afterwards it works on the groups.
   */
  static final class WarmupNode extends Node {

    private final WarmupLR schedule;
    private final Node after;
    private int iteration;
    private int boundGroups;
    // What the epoch schedule left; of no meaning without a warm-up of the momentum.
    private double[] ownMomentum = {};
    private int markedIteration;
    private double[] markedMomentum = {};

    WarmupNode(WarmupLR schedule) {
      this.schedule = schedule;
      this.after = Node.of(schedule.after());
    }

    @Override
    Schedule schedule() {
      return schedule;
    }

    @Override
    String name() {
      return iteration < schedule.warmupIterations() ? super.name() : after.name();
    }

    @Override
    int boundGroups() {
      return boundGroups;
    }

    @Override
    double epoch() {
      return iteration;
    }

    @Override
    void bind(GroupArrays groups, int lastEpoch, Parent parent) {
      boundGroups = groups.size();
      if (lastEpoch >= 0) {
        replay(groups, lastEpoch);
        return;
      }
      if (schedule.warmupMomentum() != null) {
        groups.keepInitialMomentum();
        System.arraycopy(
            groups.marks(GroupMark.INITIAL_MOMENTUM), 0, groups.momentum(), 0, boundGroups);
        ownMomentum = groups.momentum().clone();
      }
      after.bind(groups, -1, parent);
      remember(groups.lr);
      iteration = 0;
      if (parent == Parent.NO_SEQUENTIAL) {
        warmUp(groups);
      }
    }

    @Override
    void rewind() {
      iteration = -1;
      after.rewind();
    }

    @Override
    void initialStep(GroupArrays groups) {
      iteration = 0;
      after.initialStep(groups);
      warmUp(groups);
    }

    @Override
    void enter(GroupArrays groups) {
      iteration = 0;
      after.enter(groups);
      warmUp(groups);
    }

    @Override
    void advance(GroupArrays groups) {
      iteration = Math.addExact(iteration, 1);
      boolean isWarmingUp = iteration <= schedule.warmupIterations();
      if (isWarmingUp) {
        System.arraycopy(after.lastLr(), 0, groups.lr, 0, Math.min(boundGroups, groups.size()));
        if (schedule.warmupMomentum() != null) {
          System.arraycopy(ownMomentum, 0, groups.momentum(), 0, ownMomentum.length);
        }
      }
      if (iteration % schedule.iterationsPerEpoch() == 0) {
        if (!isWarmingUp) {
          undoRounding(groups.lr);
        }
        after.advance(groups);
      }
      if (isWarmingUp) {
        warmUp(groups);
      } else {
        remember(groups.lr);
      }
    }

    @Override
    long rest(GroupArrays groups) {
      int perEpoch = schedule.iterationsPerEpoch();
      return iteration > schedule.warmupIterations() ? perEpoch - iteration % perEpoch - 1 : 0;
    }

    @Override
    void pass(long steps) {
      iteration = (int) Math.addExact(iteration, steps);
    }

    /** Puts the target in the place of what the end of the line was rounded to. */
    private void undoRounding(double[] lr) {
      for (int i = 0; i < Math.min(boundGroups, lr.length); i++) {
        double target = after.lastLr()[i];
        double end =
            schedule.between(schedule.warmupLr().get(i), target, schedule.warmupIterations());
        if (lr[i] == end) {
          lr[i] = target;
        }
      }
    }

    /** Notes what the epoch schedule gives and leads the groups towards it. */
    private void warmUp(GroupArrays groups) {
      for (int i = 0; i < groups.size(); i++) {
        groups.lr[i] =
            i < boundGroups
                ? schedule.between(schedule.warmupLr().get(i), groups.lr[i], iteration)
                : Double.NaN;
      }
      Double warmupMomentum = schedule.warmupMomentum();
      if (warmupMomentum != null) {
        double[] momentum = groups.momentum();
        System.arraycopy(momentum, 0, ownMomentum, 0, ownMomentum.length);
        boolean isEnd = iteration == schedule.warmupIterations();
        for (int i = 0; i < ownMomentum.length && !isEnd; i++) {
          momentum[i] = schedule.between(warmupMomentum, ownMomentum[i], iteration);
        }
      }
      LeafNode.requireFinite(groups, this, boundGroups);
      remember(groups.lr);
    }

    @Override
    void advanceTo(double epoch, GroupArrays groups) {
      throw new UnsupportedOperationException(
          "WarmupLR has no step(epoch): its epoch schedule goes by the iterations; call step()");
    }

    @Override
    void expectBounds(GroupArrays groups) {
      after.expectBounds(groups);
    }

    @Override
    void mark() {
      super.mark();
      markedIteration = iteration;
      if (markedMomentum.length != ownMomentum.length) {
        markedMomentum = new double[ownMomentum.length];
      }
      System.arraycopy(ownMomentum, 0, markedMomentum, 0, ownMomentum.length);
      after.mark();
    }

    @Override
    void rollback() {
      super.rollback();
      iteration = markedIteration;
      System.arraycopy(markedMomentum, 0, ownMomentum, 0, markedMomentum.length);
      after.rollback();
    }

    @Override
    void save(Map<String, @Nullable Object> state, ParamGroups groups) {
      state.putAll(schedule.parameters());
      state.put("last_epoch", iteration);
      if (schedule.warmupMomentum() != null) {
        state.put("_momentum", boxed(ownMomentum));
      }
      super.save(state, groups);
      saveMembers(List.of(after), state, groups);
    }

    @Override
    void load(Arguments state, ParamGroups groups, int lowestEpoch) {
      super.load(state, groups, lowestEpoch);
      schedule.requireFits(groups);
      requireSame(schedule.parameters(), state);
      iteration = (int) state.count("last_epoch", lowestEpoch, Integer.MAX_VALUE);
      loadMembers(List.of(after), state, groups, i -> Math.min(iteration, 0));
      boundGroups = after.boundGroups();
      if (schedule.warmupMomentum() != null) {
        ownMomentum = doubles(state.finiteNumbers("_momentum"));
        if (ownMomentum.length != boundGroups) {
          throw state.malformed(
              "\"_momentum\" must have an entry for each of the "
                  + boundGroups
                  + " param groups but has "
                  + ownMomentum.length);
        }
      }
      state.ignore("verbose");
    }
  }

  /** Collects the arguments of a {@link WarmupLR}. */
  public static final class Builder {
    private final Schedule after;
    private int iterationsPerEpoch;
    private int warmupIterations;
    private PerGroup<Double> warmupLr = PerGroup.same(0.0);
    private @Nullable Double warmupMomentum;

    private Builder(Schedule after) {
      this.after = after;
    }

    /**
     * Sets the iterations after which the epoch schedule makes a step.
     *
     * @param iterationsPerEpoch iterations of an epoch, usually its batches, {@code > 0}
     * @return this builder
     */
    public Builder iterationsPerEpoch(int iterationsPerEpoch) {
      this.iterationsPerEpoch = iterationsPerEpoch;
      return this;
    }

    /**
     * Sets the length of the warm-up.
     *
     * @param warmupIterations iterations of the warm-up, {@code > 0}; YOLOv5 takes 3 epochs, but no
     *     fewer than 100
     * @return this builder
     */
    public Builder warmupIterations(int warmupIterations) {
      this.warmupIterations = warmupIterations;
      return this;
    }

    /**
     * Sets the rate to start from.
     *
     * @param warmupLr finite; default 0
     * @return this builder
     */
    public Builder warmupLr(double warmupLr) {
      this.warmupLr = PerGroup.same(warmupLr);
      return this;
    }

    /**
     * Sets the rates to start from.
     *
     * @param warmupLr finite, one a group
     * @return this builder
     * @throws IllegalArgumentException if the list is empty
     */
    public Builder warmupLr(List<Double> warmupLr) {
      this.warmupLr = PerGroup.each(warmupLr);
      return this;
    }

    /**
     * Adds a warm-up of the momentum, or of beta1 in groups of Adam's kind.
     *
     * @param warmupMomentum the momentum to start from, finite; YOLOv5 takes 0.8; by default it is
     *     left alone
     * @return this builder
     */
    public Builder warmupMomentum(double warmupMomentum) {
      this.warmupMomentum = warmupMomentum;
      return this;
    }

    /**
     * Makes the definition.
     *
     * @return the definition
     * @throws IllegalArgumentException if an argument is out of its range, or {@code after} is a
     *     plateau
     */
    @CheckReturnValue
    public WarmupLR build() {
      return new WarmupLR(after, iterationsPerEpoch, warmupIterations, warmupLr, warmupMomentum);
    }
  }
}
