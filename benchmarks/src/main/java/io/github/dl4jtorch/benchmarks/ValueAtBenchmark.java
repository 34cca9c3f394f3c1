package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.StepSchedule;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs to ask a pulled schedule for a value, beside DL4J's own step schedule. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ValueAtBenchmark {

  private static final int STEPS = 100_000;
  private static final int FAR = 1_000_000;

  /** Whose schedule. */
  public enum Side {
    /** A StepLR of this project. */
    TORCH,
    /** DL4J's StepSchedule. */
    DL4J
  }

  /** Whose. */
  @Param public Side side = Side.TORCH;

  private ISchedule schedule = new StepSchedule(ScheduleType.ITERATION, 0.1, 0.5, 30_000);
  private final int[] anywhere = new Random(1).ints(1 << 16, 0, STEPS).toArray();

  /** Creates the benchmark, for JMH. */
  public ValueAtBenchmark() {}

  /** Where a thread is. */
  @State(Scope.Thread)
  public static class Place {
    private int next;

    /** Creates the state, for JMH. */
    public Place() {}
  }

  /** Makes the schedule, and asks it once for its last step. */
  @Setup
  public void prepare() {
    schedule =
        side == Side.TORCH
            ? TorchSchedule.lr(new StepLR(30_000, 0.5), 0.1, ScheduleType.ITERATION)
            : new StepSchedule(ScheduleType.ITERATION, 0.1, 0.5, 30_000);
    schedule.valueAt(STEPS, 0);
  }

  /** Asks step after step, as a training does. */
  @Benchmark
  public double inOrder(Place place) {
    place.next = place.next == STEPS ? 0 : place.next + 1;
    return schedule.valueAt(place.next, 0);
  }

  /** Asks for any step. */
  @Benchmark
  public double anywhere(Place place) {
    place.next = (place.next + 1) & (anywhere.length - 1);
    return schedule.valueAt(anywhere[place.next], 0);
  }

  /** Asks step after step in four threads, as four workers do. */
  @Benchmark
  @Threads(4)
  public double inFourThreads(Place place) {
    return inOrder(place);
  }

  /** Makes a one-cycle of a million steps and asks for its last. */
  @Benchmark
  @BenchmarkMode(Mode.SingleShotTime)
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  public double firstFarAccess() {
    return TorchSchedule.lr(
            OneCycleLR.builder(0.1).totalSteps(FAR).cycleMomentum(false).build(),
            0.1,
            ScheduleType.ITERATION)
        .valueAt(FAR - 1, 0);
  }
}
