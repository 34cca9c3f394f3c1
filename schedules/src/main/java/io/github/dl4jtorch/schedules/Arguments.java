package io.github.dl4jtorch.schedules;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a definition as {@link Schedule#toMap()} wrote them, read by their names and
 * types. Whole numbers are taken for fractions and {@code 30.0} for the whole number 30; {@code
 * null} counts as absent. What is missing or of the wrong type is refused with a message that names
 * the key, and so is a key that nobody asked for, with the nearest that somebody did.
 *
 * <pre>{@code
 * Function<Arguments, StepLR> reader =
 *     arguments -> new StepLR(arguments.integer("step_size"), arguments.number("gamma", 0.1));
 * }</pre>
 */
public final class Arguments {

  /** How deep a value may be nested that a message shows. */
  private static final int SHOWN_LEVELS = 10;

  private final String owner;
  private final Map<String, @Nullable Object> map;
  private final int level;
  private final Set<String> known = new LinkedHashSet<>();

  Arguments(String owner, Map<?, ?> map) {
    this(owner, map, 1);
  }

  /** Reads a definition that stands a number of levels deep in others, 1 for the outermost. */
  Arguments(String owner, Map<?, ?> map, int level) {
    this.owner = owner;
    this.map = textKeys(map);
    this.level = level;
  }

  /**
   * Reads what a map holds.
   *
   * @param <T> what is made of it
   * @param owner whose arguments they are, for the messages
   * @param map the arguments
   * @param reader makes it of the arguments. An {@link IllegalArgumentException} becomes a {@link
   *     MalformedDataException} that begins with the owner
   * @return what the reader made
   * @throws MalformedDataException if an argument is missing, unknown, of the wrong type or refused
   */
  public static <T> T read(String owner, Map<String, ?> map, Function<Arguments, T> reader) {
    return new Arguments(owner, map).read(reader);
  }

  /** Copies a map; from outside it may have keys of any type, whatever its own type says. */
  private static Map<String, @Nullable Object> textKeys(Map<?, ?> map) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    map.forEach((key, value) -> copy.put(String.valueOf(key), value));
    return copy;
  }

  int level() {
    return level;
  }

  /**
   * Tells whether an argument is given.
   *
   * @param key its key, as it is written
   * @return true unless it is absent or null
   */
  public boolean has(String key) {
    return value(key) != null;
  }

  /**
   * Reads a number.
   *
   * @param key its key, as it is written
   * @return the number
   * @throws MalformedDataException if it is missing or of another type
   */
  public double number(String key) {
    return number(key, require(key));
  }

  /**
   * Reads a number.
   *
   * @param key its key, as it is written
   * @param whenAbsent its default
   * @return the number
   * @throws MalformedDataException if it is of another type
   */
  public double number(String key, double whenAbsent) {
    Object value = value(key);
    return value == null ? whenAbsent : number(key, value);
  }

  double finite(String key) {
    return finite(key, require(key));
  }

  double finite(String key, double whenAbsent) {
    Object value = value(key);
    return value == null ? whenAbsent : finite(key, value);
  }

  /**
   * Reads a whole number.
   *
   * @param key its key, as it is written
   * @return the number
   * @throws MalformedDataException if it is missing or of another type
   */
  public int integer(String key) {
    return integer(key, require(key));
  }

  /**
   * Reads a whole number.
   *
   * @param key its key, as it is written
   * @param whenAbsent its default
   * @return the number
   * @throws MalformedDataException if it is of another type
   */
  public int integer(String key, int whenAbsent) {
    Object value = value(key);
    return value == null ? whenAbsent : integer(key, value);
  }

  /** Reads a whole number that counts something, which may be too large for an int. */
  double count(String key, double lowest, double highest) {
    Object value = require(key);
    Double count = asNumber(value);
    if (count == null
        || count != Math.rint(count)
        || !(count >= lowest && count <= highest)
        || Double.isInfinite(count)) {
      throw wrongType(key, "a whole number" + range(lowest, highest), value);
    }
    return count;
  }

  double finite(String key, double lowest, double highest) {
    double number = finite(key);
    if (!(number >= lowest && number <= highest)) {
      throw wrongType(key, "finite and" + range(lowest, highest), number);
    }
    return number;
  }

  private static String range(double lowest, double highest) {
    String from = " >= " + wholeOrFraction(lowest);
    return highest < Double.MAX_VALUE ? from + " and <= " + wholeOrFraction(highest) : from;
  }

  /**
   * Reads true or false.
   *
   * @param key its key, as it is written
   * @param whenAbsent its default
   * @return the value
   * @throws MalformedDataException if it is of another type
   */
  public boolean bool(String key, boolean whenAbsent) {
    Object value = value(key);
    if (value == null) {
      return whenAbsent;
    }
    if (value instanceof Boolean bool) {
      return bool;
    }
    throw wrongType(key, "true or false", value);
  }

  /**
   * Reads one of an enum's constants by its name in lower case.
   *
   * @param <E> the enum
   * @param key its key, as it is written
   * @param whenAbsent its default
   * @return the constant
   * @throws MalformedDataException if it is none of the names
   */
  public <E extends Enum<E>> E choice(String key, E whenAbsent) {
    Object value = value(key);
    if (value == null) {
      return whenAbsent;
    }
    List<String> names = new ArrayList<>();
    for (E choice : whenAbsent.getDeclaringClass().getEnumConstants()) {
      String name = choice.name().toLowerCase(Locale.ROOT);
      if (name.equals(value)) {
        return choice;
      }
      names.add('"' + name + '"');
    }
    throw wrongType(key, "one of " + String.join(", ", names), value);
  }

  /**
   * Reads a text.
   *
   * @param key its key, as it is written
   * @return the text
   * @throws MalformedDataException if it is missing or of another type
   */
  public String text(String key) {
    return text(key, require(key));
  }

  /**
   * Reads a text.
   *
   * @param key its key, as it is written
   * @param whenAbsent its default
   * @return the text
   * @throws MalformedDataException if it is of another type
   */
  public String text(String key, String whenAbsent) {
    Object value = value(key);
    return value == null ? whenAbsent : text(key, value);
  }

  /**
   * Reads a list of texts.
   *
   * @param key its key, as it is written
   * @return the texts, an unmodifiable list
   * @throws MalformedDataException if it is missing or of another type
   */
  public List<String> texts(String key) {
    return list(key).stream().map(entry -> text(key, entry)).toList();
  }

  private String text(String key, @Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw wrongType(key, "a text", value);
  }

  List<?> list(String key) {
    Object value = require(key);
    if (value instanceof List<?> list) {
      return list;
    }
    throw wrongType(key, "a list", value);
  }

  /**
   * Reads a list of whole numbers.
   *
   * @param key its key, as it is written
   * @return the numbers, an unmodifiable list
   * @throws MalformedDataException if it is missing or of another type
   */
  public List<Integer> integers(String key) {
    return list(key).stream().map(entry -> integer(key, entry)).toList();
  }

  /** Reads a list of numbers, finite or not. */
  List<Double> numbers(String key) {
    return list(key).stream().map(entry -> number(key, entry)).toList();
  }

  /**
   * Reads a list of finite numbers.
   *
   * @param key its key, as it is written
   * @return the numbers, an unmodifiable list
   * @throws MalformedDataException if it is missing or of another type
   */
  public List<Double> finiteNumbers(String key) {
    return list(key).stream().map(entry -> finite(key, entry)).toList();
  }

  /**
   * Reads a finite number, or a list of them with one entry a param group.
   *
   * @param key its key, as it is written
   * @return the number or the numbers
   * @throws MalformedDataException if it is missing or of another type
   */
  public PerGroup<Double> perGroup(String key) {
    return value(key) instanceof List<?>
        ? PerGroup.each(finiteNumbers(key))
        : PerGroup.same(finite(key));
  }

  /**
   * Reads a finite number, or a list of them with one entry a param group.
   *
   * @param key its key, as it is written
   * @param whenAbsent its default for all groups
   * @return the number or the numbers
   * @throws MalformedDataException if it is of another type
   */
  public PerGroup<Double> perGroup(String key, double whenAbsent) {
    return has(key) ? perGroup(key) : PerGroup.same(whenAbsent);
  }

  /**
   * Reads a map.
   *
   * @param key its key, as it is written
   * @return a copy of the map, whose values may be anything
   * @throws MalformedDataException if it is missing or of another type
   */
  public Map<String, ?> map(String key) {
    return map(key, require(key));
  }

  /**
   * Reads a list of maps.
   *
   * @param key its key, as it is written
   * @return copies of the maps, whose values may be anything
   * @throws MalformedDataException if it is missing or of another type
   */
  public List<Map<String, ?>> maps(String key) {
    List<Map<String, ?>> maps = new ArrayList<>();
    for (Object entry : list(key)) {
      maps.add(map(key, entry));
    }
    return maps;
  }

  /**
   * Reads the definition of another schedule, as {@link Schedule#fromMap} does.
   *
   * @param key its key, as it is written
   * @return the schedule
   * @throws MalformedDataException if it is missing or malformed
   */
  public Schedule schedule(String key) {
    return ScheduleTypes.readMember(this, key);
  }

  /**
   * Reads the definitions of other schedules, as {@link Schedule#fromMap} does.
   *
   * @param key their key, as it is written
   * @return the schedules
   * @throws MalformedDataException if the list is missing or an entry malformed
   */
  public List<Schedule> schedules(String key) {
    return ScheduleTypes.readMembers(this, key);
  }

  private Map<String, ?> map(String key, @Nullable Object value) {
    if (value instanceof Map<?, ?> found) {
      return textKeys(found);
    }
    throw wrongType(key, "a map", value);
  }

  /** Returns what is under a key, null if it is absent or null. */
  @Nullable Object value(String key) {
    known.add(key);
    return map.get(key);
  }

  /**
   * Has a reader read these, and refuses what it did not ask for. Where a constructor refuses an
   * argument under its name in Java, the key that was read takes its place.
   */
  <T> T read(Function<Arguments, T> reader) {
    T read;
    try {
      read = reader.apply(this);
    } catch (MalformedDataException alreadyClear) {
      throw alreadyClear;
    } catch (IllegalArgumentException refused) {
      throw new MalformedDataException(
          owner + ": " + inKeys(String.valueOf(refused.getMessage())), refused);
    }
    refuseUnknown();
    return read;
  }

  /** Puts the keys that were read in the place of their names in Java. */
  private String inKeys(String message) {
    String text = message;
    for (String key : known) {
      text = text.replaceAll("\\b" + nameInJava(key) + "\\b", key);
    }
    return text;
  }

  private static String nameInJava(String key) {
    StringBuilder name = new StringBuilder();
    for (String word : key.split("_")) {
      name.append(
          name.isEmpty()
              ? word.toLowerCase(Locale.ROOT)
              : word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1));
    }
    return name.toString();
  }

  /** Allows keys that are of no use here. */
  void ignore(String... keys) {
    known.addAll(List.of(keys));
  }

  /** Refuses keys that nobody asked for. */
  void refuseUnknown() {
    for (String key : map.keySet()) {
      if (!known.contains(key)) {
        throw unknown(key, nearest(key, known));
      }
    }
  }

  /** Where a key is missing, a misspelt one says more. */
  private void refuseMisspelt(String missing) {
    for (String key : map.keySet()) {
      if (!known.contains(key) && edits(key, missing) <= missing.length() / 3) {
        throw unknown(key, missing);
      }
    }
  }

  private MalformedDataException unknown(String key, String nearest) {
    return malformed("unknown key \"" + key + "\"; did you mean \"" + nearest + "\"?");
  }

  MalformedDataException malformed(String what) {
    return new MalformedDataException(owner + ": " + what);
  }

  private Object require(String key) {
    Object value = value(key);
    if (value == null) {
      refuseMisspelt(key);
      throw malformed("\"" + key + "\" is missing");
    }
    return value;
  }

  private double number(String key, @Nullable Object value) {
    Double number = asNumber(value);
    if (number == null) {
      throw wrongType(key, "a number", value);
    }
    return number;
  }

  private double finite(String key, @Nullable Object value) {
    double number = number(key, value);
    if (!Double.isFinite(number)) {
      throw wrongType(key, "finite", number);
    }
    return number;
  }

  private int integer(String key, @Nullable Object value) {
    Double number = asNumber(value);
    if (number == null || number != (int) number.doubleValue()) {
      throw wrongType(key, "a whole number", value);
    }
    return number.intValue();
  }

  private MalformedDataException wrongType(String key, String wanted, @Nullable Object value) {
    String shown = value instanceof String text ? '"' + text + '"' : shown(value);
    return malformed("\"" + key + "\" must be " + wanted + " but was " + shown);
  }

  /** Returns a value as text, unless it is so deep that making the text could fail. */
  static String shown(@Nullable Object value) {
    return isDeeper(value, SHOWN_LEVELS)
        ? "lists or maps more than " + SHOWN_LEVELS + " deep"
        : String.valueOf(value);
  }

  private static boolean isDeeper(@Nullable Object value, int levels) {
    Collection<?> entries =
        value instanceof Map<?, ?> map
            ? map.values()
            : value instanceof List<?> list ? list : List.of();
    for (Object entry : entries) {
      if (levels == 0 || isDeeper(entry, levels - 1)) {
        return true;
      }
    }
    return false;
  }

  /** Reads a number; JSON writers that refuse bare Infinity and NaN write them as strings. */
  static @Nullable Double asNumber(@Nullable Object value) {
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    return "Infinity".equals(value) || "-Infinity".equals(value) || "NaN".equals(value)
        ? Double.valueOf((String) value)
        : null;
  }

  /**
   * Compares a saved value with one's own as JSON does: numbers by value, keys by their text. An
   * own null says nothing, so it agrees with everything, and so does what PyTorch saves for a
   * function: nothing, or the fields of an object.
   */
  static boolean agrees(@Nullable Object saved, @Nullable Object own) {
    if (own == null) {
      return true;
    }
    if (EpochFunctions.isWritten(own) && !EpochFunctions.isWritten(saved)) {
      return true;
    }
    Double savedNumber = asNumber(saved);
    Double ownNumber = asNumber(own);
    if (savedNumber != null && ownNumber != null) {
      return savedNumber.doubleValue() == ownNumber.doubleValue();
    }
    if (PackedNumbers.isPacked(saved) || PackedNumbers.isPacked(own)) {
      return agrees(PackedNumbers.unpacked(saved), PackedNumbers.unpacked(own));
    }
    if (saved instanceof List<?> a && own instanceof List<?> b) {
      return a.size() == b.size()
          && IntStream.range(0, a.size()).allMatch(i -> agrees(a.get(i), b.get(i)));
    }
    if (saved instanceof Map<?, ?> a && own instanceof Map<?, ?> b) {
      Map<String, @Nullable Object> byText = new LinkedHashMap<>();
      a.forEach((key, value) -> byText.put(String.valueOf(key), value));
      return a.size() == b.size()
          && b.entrySet().stream()
              .allMatch(
                  entry ->
                      byText.containsKey(String.valueOf(entry.getKey()))
                          && agrees(byText.get(String.valueOf(entry.getKey())), entry.getValue()));
    }
    return own.equals(saved);
  }

  /**
   * Writes a number so that every JSON library writes it as a number, and reads that again. JSON
   * has no word for infinity; a number that is too large for a double is read as it.
   */
  static Object finiteInJson(double value) {
    return Double.isInfinite(value)
        ? new BigDecimal(value > 0 ? "1E+999" : "-1E+999")
        : (Object) value;
  }

  /** Writes a whole number as an Integer, as PyTorch holds it, and any other as a Double. */
  static Object wholeOrFraction(double value) {
    return value == (int) value ? (Object) (int) value : (Object) value;
  }

  /** Returns the candidate with the fewest edits from a word. */
  static String nearest(String word, Iterable<String> candidates) {
    String nearest = "";
    int fewest = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int edits = edits(word, candidate);
      if (edits < fewest) {
        fewest = edits;
        nearest = candidate;
      }
    }
    return nearest;
  }

  private static int edits(String first, String second) {
    String from = first.toLowerCase(Locale.ROOT);
    String to = second.toLowerCase(Locale.ROOT);
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int substituted = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[to.length()];
  }
}
