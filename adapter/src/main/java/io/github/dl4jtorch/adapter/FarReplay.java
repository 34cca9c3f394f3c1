package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.schedules.LRScheduler;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Values of a schedule at steps that are too many to be kept. They are computed in blocks, of which
 * the last few are remembered. To get to a block, a run skips to it from where it is, or from the
 * nearest of the states that were saved on the way. Of those there are never more than {@link
 * #STATES}: beyond that, every other one is given up, and the next ones are saved half as often.
 */
final class FarReplay {

  private static final int BLOCK = 1 << 12;
  private static final int BLOCKS = 8;
  private static final int STATES = 1 << 10;

  /** The values from a step on; fewer than a block's where the schedule refuses to go on. */
  private static final class Block {
    final int start;
    final double[] values;

    Block(int start, double[] values) {
      this.start = start;
      this.values = values;
    }

    boolean has(int step) {
      return step >= start && step - start < values.length;
    }
  }

  private record State(Map<String, Object> run, List<Map<String, Object>> groups) {}

  private final Replay.Key key;
  private final AtomicReferenceArray<@Nullable Block> blocks = new AtomicReferenceArray<>(BLOCKS);
  private final TreeMap<Long, State> states = new TreeMap<>();
  private long distance = 1 << 16;
  private final LRScheduler run;
  private long at;

  FarReplay(Replay.Key key) {
    this.key = key;
    this.run = key.start();
    save();
  }

  double valueAt(int step) {
    Block block = blocks.get(step / BLOCK % BLOCKS);
    if (block == null || !block.has(step)) {
      block = computed(step);
    }
    return block.values[step - block.start];
  }

  private synchronized Block computed(int step) {
    int place = step / BLOCK % BLOCKS;
    Block present = blocks.get(place);
    if (present != null && present.has(step)) {
      return present; // Another thread was here first.
    }
    int start = step - step % BLOCK;
    goTo(start);
    double[] values = new double[BLOCK];
    int known = 0;
    try {
      goTo(start);
      values[known++] = key.present(run);
      while (known < BLOCK) {
        run.step();
        at++;
        values[known++] = key.present(run);
      }
    } catch (ArithmeticException | IllegalStateException refused) {
      if (step - start >= known) {
        throw refused;
      }
    }
    Block block = new Block(start, Arrays.copyOf(values, known));
    blocks.set(place, block);
    return block;
  }

  private void goTo(long step) {
    Map.Entry<Long, State> nearest = Objects.requireNonNull(states.floorEntry(step));
    if (at > step || at < nearest.getKey()) {
      run.loadStateDict(nearest.getValue().run, nearest.getValue().groups);
      at = nearest.getKey();
    }
    while (at < step) {
      long next = Math.min(step, (at / distance + 1) * distance);
      run.skip(next - at);
      at = next;
      if (at % distance == 0 && !states.containsKey(at)) {
        save();
      }
    }
  }

  private void save() {
    State first = states.get(0L);
    Map<String, Object> state = run.stateDict();
    if (first != null) {
      share(state, first.run);
    }
    states.put(at, new State(state, run.paramGroups().stateDict()));
    if (states.size() > STATES) {
      distance *= 2;
      states.keySet().removeIf(step -> step % distance != 0);
    }
  }

  /** Keeps in memory but once what is the same in all states, like a list of milestones. */
  private static void share(Map<String, Object> state, Map<?, ?> first) {
    for (Map.Entry<String, Object> entry : state.entrySet()) {
      Object same = first.get(entry.getKey());
      if (entry.getKey().equals("_schedulers")) {
        List<Map<String, Object>> members = maps(entry.getValue());
        for (int i = 0; i < members.size(); i++) {
          share(members.get(i), maps(same).get(i));
        }
      } else if (same != null && same.equals(entry.getValue())) {
        entry.setValue(same);
      }
    }
  }

  @SuppressWarnings("unchecked") // What a run writes of its members.
  private static List<Map<String, Object>> maps(@Nullable Object value) {
    return (List<Map<String, Object>>) Objects.requireNonNull(value);
  }
}
