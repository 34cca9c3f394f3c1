package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.files.TorchTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads typed values of a file that may hold anything. */
final class Entries {

  private Entries() {}

  static Map<?, ?> map(String name, @Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw malformed(name, "a dict", value);
  }

  static List<?> list(String name, @Nullable Object value) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw malformed(name, "a list", value);
  }

  static List<Map<?, ?>> maps(String name, @Nullable Object value) {
    List<Map<?, ?>> maps = new ArrayList<>();
    for (Object entry : list(name, value)) {
      maps.add(map(name + "[" + maps.size() + "]", entry));
    }
    return maps;
  }

  static double number(String name, @Nullable Object value) {
    double number = Double.NaN;
    if (value instanceof Number given) {
      number = given.doubleValue();
    } else if (value instanceof TorchTensor tensor
        && tensor.numel() == 1
        && !tensor.dtype().isComplex()) {
      number = tensor.toDoubleArray()[0];
    }
    if (!Double.isFinite(number)) {
      throw malformed(name, "a finite number", value);
    }
    return number;
  }

  /** Reads a count, which PyTorch keeps as a number or as a tensor with one element. */
  static long count(String name, @Nullable Object value, long most) {
    double number = number(name, value);
    if (number >= 0 && number <= most && number == Math.rint(number)) {
      return (long) number;
    }
    throw malformed(name, "a whole number >= 0 and <= " + most, value);
  }

  static HandoverException malformed(String name, String expected, @Nullable Object value) {
    String shown = String.valueOf(value);
    return new HandoverException(
        name
            + " must be "
            + expected
            + " but was "
            + (shown.length() > 100 ? shown.substring(0, 100) + "..." : shown));
  }
}
