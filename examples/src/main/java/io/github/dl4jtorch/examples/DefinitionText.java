package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a schedule as a Python script writes it, {@code StepLR(optimizer, step_size=30,
 * gamma=0.1)}. Arguments have names; schedulers may stand in lists. Nothing is run.
 */
final class DefinitionText {

  private final String text;
  private int at;

  private DefinitionText(String text) {
    this.text = text;
  }

  static Schedule read(String text) {
    DefinitionText reader = new DefinitionText(text);
    Map<String, Object> map = reader.call(reader.name());
    reader.skipBlanks();
    if (reader.at < text.length()) {
      throw reader.malformed("nothing more");
    }
    return Schedule.fromMap(map);
  }

  /** Tells whether a text is meant to be one, and is no file. */
  static boolean isOne(String text) {
    return text.strip().endsWith(")");
  }

  private Map<String, Object> call(String name) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", type(name));
    expect('(');
    while (!tries(')')) {
      if (map.size() > 1) {
        expect(',');
        if (tries(')')) {
          return map;
        }
      }
      String key = name();
      // The first argument of PyTorch's constructors, which has no value here.
      if (!key.equals("optimizer") || !(peeks(',') || peeks(')'))) {
        expect('=');
        Object value = value();
        if (value != null) {
          map.put(key, value);
        }
      } else if (!peeks(')')) {
        expect(',');
      }
    }
    return map;
  }

  /** Takes away the modules before a name, unless that is known with them. */
  private static String type(String name) {
    return Schedule.types().contains(name) ? name : name.substring(name.lastIndexOf('.') + 1);
  }

  private @Nullable Object value() {
    skipBlanks();
    if (tries('[') || tries('(')) {
      return list(text.charAt(at - 1) == '[' ? ']' : ')');
    }
    if (at < text.length() && (text.charAt(at) == '\'' || text.charAt(at) == '"')) {
      return quoted();
    }
    int start = at;
    while (at < text.length() && ",)]( =".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    String word = text.substring(start, at);
    if (peeks('(')) {
      return call(word);
    }
    return switch (word) {
      case "True", "true" -> true;
      case "False", "false" -> false;
      case "None", "null" -> null;
      default -> number(word, start);
    };
  }

  private Object number(String word, int start) {
    try {
      String plain = word.replace("_", "");
      if (plain.matches("-?[0-9]{1,9}")) {
        return Integer.parseInt(plain);
      }
      return Double.parseDouble(plain);
    } catch (NumberFormatException none) {
      at = start;
      throw malformed("a number, a text in quotes, a list, a schedule, True, False or None");
    }
  }

  private List<Object> list(char end) {
    List<Object> list = new ArrayList<>();
    while (!tries(end)) {
      if (!list.isEmpty()) {
        expect(',');
        if (tries(end)) {
          return list;
        }
      }
      Object entry = value();
      if (entry == null) {
        throw malformed("an entry that is not None");
      }
      list.add(entry);
    }
    return list;
  }

  private String quoted() {
    char quote = text.charAt(at);
    int end = text.indexOf(quote, at + 1);
    if (end < 0) {
      throw malformed("a text that ends with " + quote);
    }
    String quoted = text.substring(at + 1, end);
    at = end + 1;
    return quoted;
  }

  private String name() {
    skipBlanks();
    int start = at;
    while (at < text.length()
        && (Character.isLetterOrDigit(text.charAt(at)) || "._".indexOf(text.charAt(at)) >= 0)) {
      at++;
    }
    if (at == start) {
      throw malformed("a name");
    }
    return text.substring(start, at);
  }

  private void expect(char wanted) {
    if (!tries(wanted)) {
      throw malformed("'" + wanted + "'");
    }
  }

  private boolean tries(char wanted) {
    boolean isThere = peeks(wanted);
    at += isThere ? 1 : 0;
    return isThere;
  }

  private boolean peeks(char wanted) {
    skipBlanks();
    return at < text.length() && text.charAt(at) == wanted;
  }

  private void skipBlanks() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private MalformedDataException malformed(String wanted) {
    String rest = text.substring(at);
    return new MalformedDataException(
        "a schedule must be written like StepLR(step_size=30, gamma=0.1), but instead of "
            + wanted
            + " there is "
            + (rest.isEmpty() ? "the end" : '"' + rest + '"'));
  }
}
