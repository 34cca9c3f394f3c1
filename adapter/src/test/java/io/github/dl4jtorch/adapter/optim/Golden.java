package io.github.dl4jtorch.adapter.optim;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.nd4j.shade.jackson.core.json.JsonReadFeature;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.json.JsonMapper;

/** What PyTorch computed, from files as Python's json module writes them. */
final class Golden {

  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private Golden() {}

  static List<Map<String, Object>> cases(String optimizer) {
    return read("updaters/" + optimizer + ".json", new TypeReference<>() {});
  }

  static List<Map<String, Object>> inSinglePrecision() {
    return read("updaters-float/updates.json", new TypeReference<>() {});
  }

  static Map<String, Object> trajectory(String name) {
    return read("trajectories/" + name + ".json", new TypeReference<>() {});
  }

  private static <T> T read(String name, TypeReference<T> type) {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + name)) {
      return MAPPER.readValue(Objects.requireNonNull(in, name), type);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  static double number(Object value) {
    return ((Number) value).doubleValue();
  }

  static double[] numbers(Object list) {
    return ((List<?>) list).stream().mapToDouble(Golden::number).toArray();
  }
}
