package io.github.dl4jtorch.schedules.families;

/**
 * The first numbers of PyTorch's generator on the CPU after {@code manual_seed}: a Mersenne
 * Twister, of whose words {@code rand} and {@code randn} make their numbers.
 */
final class TorchRandom {

  private static final int SIZE = 624;
  private static final int MIDDLE = 397;
  private static final long LOW_53_BITS = (1L << 53) - 1;

  /** One a thread, so that drawing allocates nothing. */
  private static final ThreadLocal<TorchRandom> OWN = ThreadLocal.withInitial(TorchRandom::new);

  private final int[] state = new int[SIZE];
  private int next;
  private double secondNormal = Double.NaN;

  private TorchRandom() {}

  /** Returns the thread's generator, seeded. */
  static TorchRandom seeded(long seed) {
    TorchRandom random = OWN.get();
    random.seed((int) seed);
    return random;
  }

  private void seed(int seed) {
    state[0] = seed;
    for (int i = 1; i < SIZE; i++) {
      state[i] = 1_812_433_253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    next = 0;
    secondNormal = Double.NaN;
  }

  private int word() {
    // The word that stands here was used 624 words ago; a new one takes its place.
    int after = state[(next + 1) % SIZE];
    int mixed = (state[next] & 0x80000000) | (after & 0x7fffffff);
    int word = state[(next + MIDDLE) % SIZE] ^ (mixed >>> 1) ^ ((mixed & 1) == 0 ? 0 : 0x9908b0df);
    state[next] = word;
    next = (next + 1) % SIZE;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return word ^ (word >>> 18);
  }

  /** The next {@code torch.rand(1)}, in [0, 1). */
  double rand() {
    return (word() & 0xffffff) / (double) (1 << 24);
  }

  /** The next {@code torch.randn(1)}. */
  double randn() {
    if (!Double.isNaN(secondNormal)) {
      double normal = secondNormal;
      secondNormal = Double.NaN;
      return (float) normal;
    }
    double angle = 2 * Math.PI * uniform();
    double radius = Math.sqrt(-2 * Math.log1p(-uniform()));
    secondNormal = radius * Math.sin(angle);
    return (float) (radius * Math.cos(angle));
  }

  private double uniform() {
    long high = word();
    long low = word() & 0xffffffffL;
    return ((high << 32 | low) & LOW_53_BITS) / (double) (1L << 53);
  }
}
