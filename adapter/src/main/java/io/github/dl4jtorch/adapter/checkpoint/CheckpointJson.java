package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.shade.jackson.core.JsonParser;
import org.nd4j.shade.jackson.core.JsonToken;
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

  // What a file may have, so that reading it runs out of neither stack, memory nor patience.
  private static final int DEEPEST = 200;
  private static final int MOST_BYTES = 1 << 26;
  private static final int MOST_VALUES = 2_000_000;
  private static final int LONGEST_NUMBER = 400;

  private CheckpointJson() {}

  static byte[] write(Map<String, ?> map) throws IOException {
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(map);
  }

  static JsonNode tree(String json) throws IOException {
    requireModest(json);
    return MAPPER.readTree(json);
  }

  /** Reads the rest of an entry, unless it is too long. */
  static String text(InputStream in) throws IOException {
    byte[] json = in.readNBytes(MOST_BYTES + 1);
    if (json.length > MOST_BYTES) {
      throw new IOException("a text of it has more than " + MOST_BYTES + " bytes");
    }
    return new String(json, StandardCharsets.UTF_8);
  }

  private static void requireModest(String json) throws IOException {
    int depth = 0;
    int values = 0;
    try (JsonParser parser = MAPPER.createParser(json)) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        values++;
        if (depth > DEEPEST) {
          throw new IOException("values are more than " + DEEPEST + " deep in one another");
        }
        if (values > MOST_VALUES) {
          throw new IOException("there are more than " + MOST_VALUES + " values");
        }
        if (token.isNumeric() && parser.getTextLength() > LONGEST_NUMBER) {
          throw new IOException("a number has more than " + LONGEST_NUMBER + " digits");
        }
      }
    }
  }

  static Map<String, Object> map(JsonNode object) {
    return MAPPER.convertValue(object, new TypeReference<Map<String, Object>>() {});
  }

  /** Refuses what would not come back as it was. */
  static void requirePlain(String where, @Nullable Object value) {
    requirePlain(where, value, 0);
  }

  private static void requirePlain(String where, @Nullable Object value, int depth) {
    if (depth == DEEPEST) {
      throw new IllegalArgumentException(
          "values must be at most " + DEEPEST + " deep in one another but were in " + where);
    }
    if (value instanceof Map<?, ?> map) {
      map.forEach(
          (key, entry) -> {
            if (!(key instanceof String)) {
              throw new IllegalArgumentException(
                  where + " must have Strings for keys but has " + key);
            }
            requirePlain(where + "." + key, entry, depth + 1);
          });
    } else if (value instanceof List<?> list) {
      for (int i = 0; i < list.size(); i++) {
        requirePlain(where + "[" + i + "]", list.get(i), depth + 1);
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
