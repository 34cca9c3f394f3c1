package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the first step in a fresh JVM costs, and ten thousand runs. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(3)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
public class StartBenchmark {

  private static final int RUNS = 10_000;

  private final LRScheduler[] runs = new LRScheduler[RUNS];

  /** Creates the benchmark, for JMH. */
  public StartBenchmark() {}

  private static LRScheduler firstStep() {
    LRScheduler run = new CosineAnnealingLR(100).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
    run.step();
    return run;
  }

  /** Attaches and steps, nothing of it loaded before. */
  @Benchmark
  public LRScheduler first() {
    return firstStep();
  }

  /** Attaches and steps ten thousand; with {@code -prof gc}, what they take. */
  @Benchmark
  public LRScheduler[] tenThousand() {
    for (int run = 0; run < RUNS; run++) {
      runs[run] = firstStep();
    }
    return runs;
  }
}
