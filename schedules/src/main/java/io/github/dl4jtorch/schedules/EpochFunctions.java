package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireGiven;

import java.io.NotSerializableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Reads and writes the functions that definitions hold. */
final class EpochFunctions {

  private static final List<String> NAMES =
      List.of("table", "exponential", "yolov5_linear", "yolov5_cosine", "pix2pix_linear");

  private static final String ADVICE =
      " holds a plain lambda, which cannot be written; use an EpochFunction: table, exponential,"
          + " yolov5Linear, yolov5Cosine or pix2pixLinear";

  private EpochFunctions() {}

  /** Makes a function of the epoch from one of the whole epoch that has begun. */
  static DoubleUnaryOperator ofWholeEpochs(IntToDoubleFunction function) {
    requireGiven("lrLambda", function);
    return epoch -> function.applyAsDouble((int) Math.floor(epoch));
  }

  /** Writes a function, refusing a plain lambda. */
  static Map<String, Object> write(String owner, DoubleUnaryOperator function) {
    if (function instanceof EpochFunction named) {
      return named.toMap();
    }
    throw new UnsupportedOperationException(owner + ADVICE);
  }

  /** Writes one function for all groups as it is, and a list as a list. */
  static Object write(String owner, PerGroup<DoubleUnaryOperator> functions) {
    if (functions.isScalar()) {
      return write(owner, functions.get(0));
    }
    return functions.values().stream().map(function -> write(owner, function)).toList();
  }

  /** Returns a function's map for a state, null for a plain lambda, as PyTorch has it. */
  static @Nullable Map<String, Object> state(@Nullable DoubleUnaryOperator function) {
    return function instanceof EpochFunction named ? named.toMap() : null;
  }

  /** Returns the functions' maps for a state, one a group. */
  static List<@Nullable Object> state(PerGroup<DoubleUnaryOperator> functions, int groups) {
    List<@Nullable Object> states = new ArrayList<>();
    functions.expand(groups).forEach(function -> states.add(state(function)));
    return states;
  }

  /** Tells whether a value is a function as it is written here. */
  static boolean isWritten(@Nullable Object value) {
    return value instanceof Map<?, ?> map
        && map.size() == 1
        && NAMES.contains(String.valueOf(map.keySet().iterator().next()));
  }

  /** Refuses Java serialization of a plain lambda with advice, instead of a class name. */
  static void requireSerializable(String owner, PerGroup<DoubleUnaryOperator> functions)
      throws NotSerializableException {
    for (DoubleUnaryOperator function : functions.values()) {
      if (!(function instanceof EpochFunction)) {
        throw new NotSerializableException(owner + ADVICE);
      }
    }
  }

  /** Reads a function or a list of functions. */
  static PerGroup<DoubleUnaryOperator> readPerGroup(Arguments map, String key) {
    if (!(map.value(key) instanceof List<?>)) {
      return PerGroup.same(read(map, key));
    }
    List<DoubleUnaryOperator> functions = new ArrayList<>();
    for (Map<String, ?> written : map.maps(key)) {
      functions.add(read(map, key, written));
    }
    return PerGroup.each(functions);
  }

  /** Reads a function. */
  static EpochFunction read(Arguments map, String key) {
    return read(map, key, map.map(key));
  }

  private static EpochFunction read(Arguments map, String key, Map<String, ?> written) {
    if (written.size() != 1) {
      throw map.malformed(
          "\""
              + key
              + "\" must be a map from a function's name to its arguments but was "
              + Arguments.shown(written));
    }
    String name = written.keySet().iterator().next();
    Arguments function = new Arguments(key, written);
    if (name.equals("table")) {
      boolean isPacked = function.value("table") instanceof Map<?, ?>;
      return new EpochFunction.Table(
          isPacked
              ? PackedNumbers.unpack(new Arguments("table", function.map("table")))
              : function.finiteNumbers("table"));
    }
    if (!NAMES.contains(name)) {
      throw map.malformed(
          "unknown function \""
              + name
              + "\" in \""
              + key
              + "\"; did you mean \""
              + Arguments.nearest(name, NAMES)
              + "\"?");
    }
    return new Arguments(name, function.map(name)).read(arguments -> read(name, arguments));
  }

  private static EpochFunction read(String name, Arguments arguments) {
    return switch (name) {
      case "exponential" -> EpochFunction.exponential(arguments.number("gamma"));
      case "yolov5_linear" ->
          EpochFunction.yolov5Linear(arguments.integer("epochs"), arguments.number("lrf"));
      case "yolov5_cosine" ->
          EpochFunction.yolov5Cosine(arguments.integer("epochs"), arguments.number("lrf"));
      default ->
          new EpochFunction.Pix2pixLinear(
              arguments.integer("epoch_count", 1),
              arguments.integer("n_epochs"),
              arguments.integer("n_epochs_decay"));
    };
  }
}
