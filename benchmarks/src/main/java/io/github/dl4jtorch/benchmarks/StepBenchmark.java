package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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
import org.openjdk.jmh.annotations.Warmup;

/** What one {@code scheduler.step()} costs, by schedule and number of param groups. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class StepBenchmark {

  /** Creates the benchmark, for JMH. */
  public StepBenchmark() {}

  /** The schedule to be stepped. */
  @SuppressWarnings("ImmutableEnumChecker") // Nobody changes what they hold.
  public enum Kind {
    /** A comparison and a copy. */
    STEP(new StepLR(30, 0.1)),
    /** Two cosines. */
    COSINE(new CosineAnnealingLR(1_000_000)),
    /** Rate and momentum. */
    CYCLIC(CyclicLR.builder(0.001, 0.1).build()),
    /** Warm-up, then cosine. */
    SEQUENTIAL(
        new SequentialLR(
            List.of(new LinearLR(0.01, 1, 5), new CosineAnnealingLR(1_000_000)), List.of(5))),
    /** Two at a time. */
    CHAINED(new ChainedScheduler(List.of(new ConstantLR(0.1, 20), new ExponentialLR(0.9999999))));

    private final Schedule schedule;

    Kind(Schedule schedule) {
      this.schedule = schedule;
    }
  }

  /** Which schedule. */
  @Param public Kind kind = Kind.STEP;

  /** How many param groups. */
  @Param({"1", "100"})
  public int groups = 1;

  private LRScheduler run = Kind.STEP.schedule.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));

  /** Attaches the schedule to fresh groups. */
  @Setup
  public void attach() {
    run =
        kind.schedule.attach(
            ParamGroups.of(
                IntStream.range(0, groups)
                    .mapToObj(group -> ParamGroup.sgd(0.1 + group, 0.9))
                    .toList()));
  }

  /** Makes a step. */
  @Benchmark
  public void step() {
    run.step();
  }
}
