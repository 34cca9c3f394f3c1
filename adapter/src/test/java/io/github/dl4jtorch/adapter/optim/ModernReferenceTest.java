package io.github.dl4jtorch.adapter.optim;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.ScheduleFree;
import io.github.dl4jtorch.adapter.step.Lookahead;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Lion, LAMB, Schedule-Free and Lookahead against a second, slow writing of them: loops over single
 * numbers, with random settings, arrays, gradients and rates. Schedule-Free is here as its authors'
 * package goes about it, with {@code y} and {@code z} and no {@code x}.
 */
class ModernReferenceTest {

  private static final int STEPS = 25;

  /** Random numbers that decide a case. */
  private static final class Dice {
    private final Random random;
    private final boolean isSinglePrecision;

    Dice(long seed, boolean isSinglePrecision) {
      random = new Random(seed);
      this.isSinglePrecision = isSinglePrecision;
    }

    /** What an average of squares keeps; next to 1, a lot is lost where 1 - beta2 is rounded. */
    double beta2() {
      return isSinglePrecision ? 0.999999 : between(0.5, 0.9999);
    }

    double between(double least, double most) {
      return least + (most - least) * random.nextDouble();
    }

    int count(int least, int most) {
      return least + random.nextInt(most - least + 1);
    }

    double[] numbers(int count) {
      return random.doubles(count, -2, 2).toArray();
    }
  }

  /** Settings, and what loops make of them. */
  private interface Slow {
    TorchUpdater updater();

    /** Changes one array of parameters. */
    void step(int array, double[] p, double[] g, double decay, double lr);

    /** Does what is once in a step, before the arrays. */
    default void begin(double lr) {}

    default double[] evaluation(int array, double[] p) {
      return p;
    }
  }

  private static final class SlowLion implements Slow {
    private final double beta1;
    private final double beta2;
    private final double[][] averages;

    SlowLion(Dice dice, double[][] start) {
      beta1 = dice.between(0.5, 0.99);
      beta2 = dice.between(0.5, 0.99);
      averages = zeros(start);
    }

    @Override
    public TorchUpdater updater() {
      return new Lion(0.1).withBetas(beta1, beta2);
    }

    @Override
    public void step(int array, double[] p, double[] g, double decay, double lr) {
      for (int i = 0; i < p.length; i++) {
        double seen = beta1 * averages[array][i] + (1 - beta1) * g[i];
        averages[array][i] = beta2 * averages[array][i] + (1 - beta2) * g[i];
        p[i] = p[i] * (1 - lr * decay) - lr * Math.signum(seen);
      }
    }
  }

  private static final class SlowLamb implements Slow {
    private final double beta1;
    private final double beta2;
    private final double eps;
    private final boolean all;
    private final double[][] m;
    private final double[][] v;
    private int steps;

    SlowLamb(Dice dice, double[][] start) {
      beta1 = dice.between(0.5, 0.99);
      beta2 = dice.beta2();
      eps = dice.between(0, 1e-3);
      all = dice.count(0, 1) == 0;
      m = zeros(start);
      v = zeros(start);
    }

    @Override
    public TorchUpdater updater() {
      Lamb lamb = new Lamb(0.1).withBetas(beta1, beta2).withEps(eps);
      return all ? lamb.withAlwaysAdapt() : lamb;
    }

    @Override
    public void begin(double lr) {
      steps++;
    }

    @Override
    public void step(int array, double[] p, double[] g, double decay, double lr) {
      double[] u = new double[p.length];
      double ofP = 0;
      double ofU = 0;
      for (int i = 0; i < p.length; i++) {
        m[array][i] += (1 - beta1) * (g[i] - m[array][i]);
        v[array][i] += (1 - beta2) * (g[i] * g[i] - v[array][i]);
        double root = Math.sqrt(v[array][i] / (1 - Math.pow(beta2, steps)));
        u[i] = m[array][i] / (1 - Math.pow(beta1, steps)) / (root + eps) + decay * p[i];
        ofP += p[i] * p[i];
        ofU += u[i] * u[i];
      }
      double ratio = (decay > 0 || all) && ofP > 0 && ofU > 0 ? Math.sqrt(ofP / ofU) : 1;
      for (int i = 0; i < p.length; i++) {
        p[i] -= lr * ratio * u[i];
      }
    }
  }

  private static final class SlowScheduleFree implements Slow {
    private final boolean isAdamW;
    private final double beta;
    private final double beta2;
    private final double eps;
    private final int warmup;
    private final double r;
    private final double power;
    private final double[][] z;
    private final double[][] v;
    private int steps;
    private double largest = -1;
    private double sum;
    private double share;
    private double rate;

    SlowScheduleFree(Dice dice, double[][] start, boolean isAdamW) {
      this.isAdamW = isAdamW;
      beta = dice.between(0.3, 0.98);
      beta2 = dice.beta2();
      eps = dice.between(1e-8, 1e-3);
      warmup = dice.count(0, 8);
      r = dice.count(0, 1) * dice.between(0, 2);
      power = dice.count(0, 2);
      z = Arrays.stream(start).map(double[]::clone).toArray(double[][]::new);
      v = zeros(start);
    }

    @Override
    public TorchUpdater updater() {
      return isAdamW
          ? averaging(new AdamWScheduleFree(0.1).withBetas(beta, beta2).withEps(eps))
          : averaging(new SGDScheduleFree(0.1).withMomentum(beta));
    }

    private <T extends ScheduleFreeUpdater<T>> T averaging(T updater) {
      return updater.withWarmupSteps(warmup).withR(r).withWeightLrPower(power);
    }

    @Override
    public void begin(double lr) {
      steps++;
      rate = lr * Math.min(1, warmup == 0 ? 1 : (double) steps / warmup);
      largest = Math.max(largest, rate);
      double weight = Math.pow(steps, r) * Math.pow(largest, power);
      sum += weight;
      share = weight / sum;
    }

    @Override
    public void step(int array, double[] y, double[] g, double decay, double lr) {
      for (int i = 0; i < y.length; i++) {
        double d = g[i];
        if (isAdamW) {
          v[array][i] = beta2 * v[array][i] + (1 - beta2) * g[i] * g[i];
          d /= Math.sqrt(v[array][i] / (1 - Math.pow(beta2, steps))) + eps;
        }
        d += decay * y[i];
        y[i] += share * (z[array][i] - y[i]);
        y[i] += rate * (beta * (1 - share) - 1) * d;
        z[array][i] -= rate * d;
      }
    }

    @Override
    public double[] evaluation(int array, double[] y) {
      double[] x = new double[y.length];
      for (int i = 0; i < x.length; i++) {
        x[i] = y[i] + (1 - 1 / beta) * (z[array][i] - y[i]);
      }
      return x;
    }
  }

  /** Around SGD with momentum. */
  private static final class SlowLookahead implements Slow {
    private final int k;
    private final double alpha;
    private final double momentum;
    private final double[][] slow;
    private final double[][] buffer;
    private int steps;

    SlowLookahead(Dice dice, double[][] start) {
      k = dice.count(1, 7);
      alpha = dice.between(0.1, 0.99);
      momentum = dice.between(0.1, 0.9);
      slow = Arrays.stream(start).map(double[]::clone).toArray(double[][]::new);
      buffer = zeros(start);
    }

    @Override
    public TorchUpdater updater() {
      return new TorchSGD(0.1).withMomentum(momentum);
    }

    @Override
    public void begin(double lr) {
      steps++;
    }

    @Override
    public void step(int array, double[] p, double[] g, double decay, double lr) {
      for (int i = 0; i < p.length; i++) {
        buffer[array][i] = momentum * buffer[array][i] + g[i] + decay * p[i];
        p[i] -= lr * buffer[array][i];
        if (steps % k == 0) {
          slow[array][i] = alpha * p[i] + (1 - alpha) * slow[array][i];
          p[i] = slow[array][i];
        }
      }
    }

    @Override
    public double[] evaluation(int array, double[] p) {
      return slow[array];
    }
  }

  private static double[][] zeros(double[][] like) {
    return Arrays.stream(like).map(array -> new double[array.length]).toArray(double[][]::new);
  }

  private static double[] flat(double[][] arrays, Function<Integer, double[]> what) {
    return IntStream.range(0, arrays.length)
        .boxed()
        .flatMapToDouble(array -> Arrays.stream(what.apply(array)))
        .toArray();
  }

  private static void assertClose(
      String what, double[] actual, double[] expected, double tolerance) {
    for (int i = 0; i < expected.length; i++) {
      assertThat(Math.abs(actual[i] - expected[i]))
          .as("%s, number %d: %s instead of %s", what, i, actual[i], expected[i])
          .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(expected[i])));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Lion", "Lamb", "SGDScheduleFree", "AdamWScheduleFree", "Lookahead"})
  void doesWhatLoopsDo(String name) {
    for (long seed = 1; seed <= 12; seed++) {
      follow(name, seed, DataType.DOUBLE, 1e-11);
    }
  }

  /** Without Lion, for which a sign is all. */
  @ParameterizedTest
  @ValueSource(strings = {"Lamb", "SGDScheduleFree", "AdamWScheduleFree", "Lookahead"})
  void doesWhatLoopsDoInSinglePrecision(String name) {
    for (long seed = 1; seed <= 12; seed++) {
      follow(name, seed, DataType.FLOAT, 2e-5);
    }
  }

  private static void follow(String name, long seed, DataType type, double tolerance) {
    Dice dice = new Dice(seed, type == DataType.FLOAT);
    int arrays = dice.count(1, 4);
    int[] lengths = IntStream.range(0, arrays).map(array -> dice.count(1, 20)).toArray();
    double[][] p = Arrays.stream(lengths).mapToObj(dice::numbers).toArray(double[][]::new);
    double[] decays =
        IntStream.range(0, arrays)
            .mapToDouble(array -> dice.count(0, 2) == 0 ? 0 : dice.between(0, 0.5))
            .toArray();
    Slow slow =
        switch (name) {
          case "Lion" -> new SlowLion(dice, p);
          case "Lamb" -> new SlowLamb(dice, p);
          case "Lookahead" -> new SlowLookahead(dice, p);
          default -> new SlowScheduleFree(dice, p, name.startsWith("AdamW"));
        };
    Arrayed training =
        new Arrayed(slow.updater(), lengths, decays, type, flat(p, array -> p[array]));
    Lookahead lookahead = null;
    if (slow instanceof SlowLookahead settings) {
      lookahead = Lookahead.of(training.net(), settings.k, settings.alpha);
      training.net().setListeners(lookahead);
    }
    for (int step = 0; step < STEPS; step++) {
      double lr = dice.between(0.001, 0.2);
      double[][] g = Arrays.stream(lengths).mapToObj(dice::numbers).toArray(double[][]::new);
      slow.begin(lr);
      for (int array = 0; array < arrays; array++) {
        slow.step(array, p[array], g[array], decays[array], lr);
      }
      double[] gradient = flat(g, array -> g[array]);
      training.step(Map.of("lr", lr, "gradient", Arrays.stream(gradient).boxed().toList()));
      String what = name + ", seed " + seed + ", step " + step;
      assertClose(what, training.parameters(), flat(p, array -> p[array]), tolerance);
      double[] expected = flat(p, array -> slow.evaluation(array, p[array]));
      if (lookahead != null) {
        assertClose(what, lookahead.during(training::parameters), expected, tolerance);
      } else if (slow instanceof SlowScheduleFree) {
        double[] x = ScheduleFree.of(training.net()).during(training::parameters);
        assertClose(what, x, expected, tolerance);
      }
    }
  }
}
