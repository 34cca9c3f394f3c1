package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.shade.jackson.core.json.JsonReadFeature;
import org.nd4j.shade.jackson.core.json.JsonWriteFeature;
import org.nd4j.shade.jackson.core.type.TypeReference;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.json.JsonMapper;

/** Writes plain maps as JSON and reads them, every number as it was, NaN and infinities too. */
final class CheckpointJson {

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          // As Python's json writes and reads them.
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  private CheckpointJson() {}

  static byte[] write(Map<String, ?> map) throws IOException {
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(map);
  }

  static JsonNode tree(byte[] json) throws IOException {
    return MAPPER.readTree(json);
  }

  static Map<String, Object> map(JsonNode object) {
    return MAPPER.convertValue(object, new TypeReference<Map<String, Object>>() {});
  }

  /** Refuses what would not come back as it was. */
  static void requirePlain(String where, @Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      map.forEach(
          (key, entry) -> {
            if (!(key instanceof String)) {
              throw new IllegalArgumentException(
                  where + " must have Strings for keys but has " + key);
            }
            requirePlain(where + "." + key, entry);
          });
    } else if (value instanceof List<?> list) {
      for (int i = 0; i < list.size(); i++) {
        requirePlain(where + "[" + i + "]", list.get(i));
      }
    } else if (value != null
        && !(value instanceof Boolean
            || value instanceof Integer
            || value instanceof Long
            || value instanceof Double
            || value instanceof String)) {
      throw new IllegalArgumentException(
          where
              + " must be a Boolean, Integer, Long, Double, String, List, Map or null but was a "
              + value.getClass().getName());
    }
  }
}
