package io.github.dl4jtorch.files;

import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Python's dict: a map in the order of its entries, that cannot be changed and is written as the
 * kind of dict that it was. Keys are strings, numbers (a {@code Long} or {@code Double}), booleans
 * or tuples of those.
 *
 * <pre>{@code
 * Dict optimizer = TorchFile.read(Path.of("half.pt")).dict("optimizer");
 * for (Object group : (List<?>) optimizer.get("param_groups")) {
 *   System.out.println(((Dict) group).get("lr"));
 * }
 * }</pre>
 */
public final class Dict extends AbstractMap<@Nullable Object, @Nullable Object> {

  /** The kinds of dict. */
  public enum Type {
    /** A plain {@code dict}. */
    DICT,
    /** A {@code collections.OrderedDict}, which a {@code state_dict()} is. */
    ORDERED_DICT,
    /** A {@code collections.Counter}, as MultiStepLR keeps its milestones in. */
    COUNTER,
    /** A {@code collections.defaultdict}. */
    DEFAULT_DICT
  }

  private final Type type;
  private final @Nullable OpaqueName defaultFactory;
  private final Map<@Nullable Object, @Nullable Object> entries = new LinkedHashMap<>();
  private @Nullable Dict attributes;

  Dict(Type type, @Nullable OpaqueName defaultFactory) {
    this.type = type;
    this.defaultFactory = defaultFactory;
  }

  /**
   * Makes an {@code OrderedDict}, for example a state dict to be written.
   *
   * @param entries the entries, in their order
   * @return the dict
   */
  public static Dict ordered(Map<?, ?> entries) {
    return copyOf(Type.ORDERED_DICT, entries);
  }

  /**
   * Makes a {@code Counter}.
   *
   * @param counts how often each key is there
   * @return the dict
   */
  public static Dict counter(Map<?, ? extends Number> counts) {
    return copyOf(Type.COUNTER, counts);
  }

  private static Dict copyOf(Type type, Map<?, ?> entries) {
    Dict copy = new Dict(type, null);
    copy.entries.putAll(entries);
    return copy;
  }

  /**
   * Returns the kind of dict.
   *
   * @return the kind it was in the file
   */
  public Type type() {
    return type;
  }

  /**
   * Returns what hangs on an {@code OrderedDict} beside its entries: a state dict keeps the
   * versions of its modules there, as {@code _metadata}.
   *
   * @return the attributes by name, mostly none
   */
  public Map<String, @Nullable Object> attributes() {
    return attributes == null ? Map.of() : attributes.byName();
  }

  /**
   * Makes an {@code OrderedDict} of these entries with the attributes of another, so that new
   * values can be written in place of those that were read.
   *
   * @param other the dict whose attributes are taken over
   * @return a new dict
   */
  public Dict withAttributesOf(Dict other) {
    Dict copy = ordered(this);
    copy.attributes = other.attributes;
    return copy;
  }

  /**
   * Returns a dict within this one.
   *
   * @param key its key
   * @return the dict
   * @throws NoSuchElementException if there is no such key
   * @throws IllegalArgumentException if something else is there
   */
  public Dict dict(Object key) {
    return entry(key, Dict.class, "dict");
  }

  /**
   * Returns a tensor of this dict.
   *
   * @param key its key
   * @return the tensor
   * @throws NoSuchElementException if there is no such key
   * @throws IllegalArgumentException if something else is there
   */
  public TorchTensor tensor(Object key) {
    return entry(key, TorchTensor.class, "tensor");
  }

  /**
   * Returns the entries that are tensors under a name, as a state dict has them.
   *
   * @return a new map, in the order of the entries
   */
  public Map<String, TorchTensor> tensors() {
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    entries.forEach(
        (key, value) -> {
          if (key instanceof String name && value instanceof TorchTensor tensor) {
            tensors.put(name, tensor);
          }
        });
    return Collections.unmodifiableMap(tensors);
  }

  private <T> T entry(Object key, Class<T> wanted, String name) {
    Object value = entries.get(key);
    if (value == null && !entries.containsKey(key)) {
      throw new NoSuchElementException(
          "key must be one of " + entries.keySet() + " but was " + key);
    }
    if (!wanted.isInstance(value)) {
      throw new IllegalArgumentException(
          "the value of " + key + " must be a " + name + " but was " + Values.name(value));
    }
    return wanted.cast(value);
  }

  /**
   * Returns the entries as a map with names for keys.
   *
   * @return a view of this dict
   * @throws IllegalStateException if a key is no string
   */
  @SuppressWarnings("unchecked")
  public Map<String, @Nullable Object> byName() {
    for (Object key : entries.keySet()) {
      if (!(key instanceof String)) {
        throw new IllegalStateException("has a key that is no string: " + key);
      }
    }
    return (Map<String, @Nullable Object>) (Map<?, ?>) Collections.unmodifiableMap(entries);
  }

  /** Adds an entry, while a file is read. */
  void add(@Nullable Object key, @Nullable Object value) {
    entries.put(key, value);
  }

  /** Sets the attributes, while a file is read. */
  void setAttributes(Dict read) {
    attributes = read;
  }

  @Nullable Dict attributeDict() {
    return attributes;
  }

  @Nullable OpaqueName defaultFactory() {
    return defaultFactory;
  }

  @Override
  public @Nullable Object get(@Nullable Object key) {
    return entries.get(key);
  }

  @Override
  public boolean containsKey(@Nullable Object key) {
    return entries.containsKey(key);
  }

  @Override
  public Set<Map.Entry<@Nullable Object, @Nullable Object>> entrySet() {
    return Collections.unmodifiableMap(entries).entrySet();
  }
}
