package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.files.TorchTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Compares what two files hold, entry by entry: each must have every key of the other, all numbers
 * are within 1e-10 of the largest of their tensor, and all else is the same.
 */
final class Comparison {

  private static final double TOLERANCE = 1e-10;

  private final Map<String, Double> exceptions = new LinkedHashMap<>();
  private final Set<String> met = new TreeSet<>();

  /**
   * Names an entry that is farther off, and how far at most, absolutely.
   *
   * @param entry for example {@code .averaged_model.n_averaged}
   */
  void except(String entry, double atMost) {
    exceptions.put(entry, atMost);
  }

  /** Returns the largest deviation but for the exceptions, each of which must be one. */
  double off(Map<?, ?> actual, Map<?, ?> expected) {
    met.clear();
    double off = off("", actual, expected);
    assertThat(met).containsExactlyInAnyOrderElementsOf(exceptions.keySet());
    return off;
  }

  private double off(String at, Object actual, Object expected) {
    double off = 0;
    if (expected instanceof Map<?, ?> map) {
      Map<?, ?> own = (Map<?, ?>) actual;
      assertThat(new ArrayList<Object>(own.keySet()))
          .as(at)
          .containsExactlyInAnyOrderElementsOf(map.keySet());
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        Object key = entry.getKey();
        off = Math.max(off, off(at + "." + key, own.get(key), entry.getValue()));
      }
    } else if (expected instanceof List<?> list) {
      List<?> own = (List<?>) actual;
      assertThat(own).as(at).hasSameSizeAs(list);
      for (int i = 0; i < list.size(); i++) {
        off = Math.max(off, off(at + "[" + i + "]", own.get(i), list.get(i)));
      }
    } else if (expected instanceof TorchTensor tensor) {
      TorchTensor own = (TorchTensor) actual;
      assertThat(own.shape()).as(at).isEqualTo(tensor.shape());
      assertThat(own.dtype()).as(at).isEqualTo(tensor.dtype());
      off = offNumbers(at, own.toDoubleArray(), tensor.toDoubleArray());
    } else if (expected instanceof Number number) {
      double own = ((Number) actual).doubleValue();
      off = offNumbers(at, new double[] {own}, new double[] {number.doubleValue()});
    } else {
      assertThat(actual).as(at).isEqualTo(expected);
    }
    return off;
  }

  private double offNumbers(String at, double[] actual, double[] expected) {
    double largest = 0;
    double off = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      // Infinity is as far from infinity as it should be.
      off = Math.max(off, expected[i] == actual[i] ? 0 : Math.abs(expected[i] - actual[i]));
    }
    double relative = off == 0 || largest == 0 ? off : off / largest;
    Double atMost = exceptions.get(at);
    if (atMost == null) {
      assertThat(relative).as(at).isLessThan(TOLERANCE);
      return relative;
    }
    // An exception that is none any more must go.
    assertThat(relative).as(at).isGreaterThan(TOLERANCE);
    assertThat(off).as(at).isLessThanOrEqualTo(atMost);
    met.add(at);
    return 0;
  }
}
