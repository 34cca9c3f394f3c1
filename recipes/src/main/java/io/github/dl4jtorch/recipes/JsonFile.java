package io.github.dl4jtorch.recipes;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads and writes JSON. */
final class JsonFile {

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(4 * Tree.MAX_LEVELS).build())
          .build();

  private JsonFile() {}

  static Tree read(String text) {
    try (JsonParser parser = JSON.createParser(text)) {
      parser.nextToken();
      if (parser.currentToken() == null) {
        throw Tree.unreadable(1, 1, "must be a map but is empty");
      }
      Tree tree = value(parser, 0);
      if (parser.nextToken() != null) {
        JsonLocation at = parser.currentTokenLocation();
        throw Tree.unreadable(at.getLineNr(), at.getColumnNr(), "must end after its first value");
      }
      return tree;
    } catch (JacksonException malformed) {
      JsonLocation at = malformed.getLocation();
      throw Tree.unreadable(
          at == null ? 1 : at.getLineNr(),
          at == null ? 1 : at.getColumnNr(),
          "is not JSON: " + withoutAdvice(malformed.getOriginalMessage()));
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Leaves out what the parser says to programmers. */
  private static String withoutAdvice(String message) {
    return message.replaceFirst("(?s)(: enable| \\(start marker).*", "");
  }

  private static Tree value(JsonParser parser, int level) throws IOException {
    JsonLocation at = parser.currentTokenLocation();
    int line = at.getLineNr();
    int column = at.getColumnNr();
    if (level > Tree.MAX_LEVELS) {
      throw Tree.tooDeep(line, column);
    }
    @Nullable Object value =
        switch (parser.currentToken()) {
          case START_OBJECT -> new Tree.Fields(fields(parser, level));
          case START_ARRAY -> list(parser, level);
          case VALUE_STRING -> parser.getText();
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> Tree.number(parser.getNumberValue());
          case VALUE_TRUE -> true;
          case VALUE_FALSE -> false;
          default -> null;
        };
    return new Tree(value, line, column);
  }

  private static Map<String, Tree.Field> fields(JsonParser parser, int level) throws IOException {
    Map<String, Tree.Field> fields = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      JsonLocation at = parser.currentTokenLocation();
      String key = parser.currentName();
      parser.nextToken();
      Tree.Field field = new Tree.Field(at.getLineNr(), at.getColumnNr(), value(parser, level + 1));
      if (fields.put(key, field) != null) {
        throw Tree.unreadable(field.line(), field.column(), "\"" + key + "\" is given twice");
      }
    }
    return fields;
  }

  private static List<Tree> list(JsonParser parser, int level) throws IOException {
    List<Tree> list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value(parser, level + 1));
    }
    return list;
  }

  static String write(Map<String, ?> map) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.useDefaultPrettyPrinter();
      write(json, map);
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return text.append('\n').toString();
  }

  private static void write(JsonGenerator json, @Nullable Object value) throws IOException {
    if (value instanceof Map<?, ?> map) {
      json.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        json.writeFieldName(String.valueOf(entry.getKey()));
        write(json, entry.getValue());
      }
      json.writeEndObject();
    } else if (value instanceof List<?> list) {
      json.writeStartArray();
      for (Object entry : list) {
        write(json, entry);
      }
      json.writeEndArray();
    } else if (value instanceof Integer number) {
      json.writeNumber(number);
    } else if (value instanceof Double number && Double.isFinite(number)) {
      json.writeNumber(number);
    } else if (value instanceof Boolean bool) {
      json.writeBoolean(bool);
    } else if (value == null) {
      json.writeNull();
    } else {
      // JSON has no infinity; the readers take it as text.
      json.writeString(value.toString());
    }
  }
}
