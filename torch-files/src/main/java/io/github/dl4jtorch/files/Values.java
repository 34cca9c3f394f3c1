package io.github.dl4jtorch.files;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sees to it that values which were read can be used without surprises. */
final class Values {

  /** How deep lists and dicts may lie within one another, so that no stack overflows. */
  static final int DEPTH = 500;

  /** How long a tuple that is a key may be: its hash is computed at each use. */
  private static final int KEY_LENGTH = 16;

  /** What remembering a list or dict takes in memory. */
  private static final int SEEN = 40;

  /** How many values may be there, each counted as often as it is met, beside eight for a byte. */
  private static final long COUNT = 1_000_000;

  /** What is known of a value whose contents have all been seen. */
  private record Extent(int depth, long count) {
    static final Extent SINGLE = new Extent(0, 1);

    /** Stands for a value whose contents are being looked at. */
    static final Extent OPEN = new Extent(-1, 0);

    boolean isOpen() {
      return depth < 0;
    }
  }

  private final InputFile file;
  private final long most;
  private final IdentityHashMap<Object, Extent> seen = new IdentityHashMap<>();
  private final Deque<OpaqueObject> objects = new ArrayDeque<>();
  private boolean withinObject;

  private Values(InputFile file, long pickleSize) {
    this.file = file;
    this.most = COUNT + 8 * pickleSize;
  }

  /**
   * Refuses what holds itself, lies too deep, would unfold into far more than its pickle has, or is
   * no value.
   */
  static void check(InputFile file, @Nullable Object root, long pickleSize)
      throws TorchFileException {
    Values values = new Values(file, pickleSize);
    values.extent(root, 0);
    values.withinObject = true;
    while (!values.objects.isEmpty()) {
      OpaqueObject object = values.objects.remove();
      values.extent(object.state(), 0);
    }
  }

  private Extent extent(@Nullable Object value, int depth) throws TorchFileException {
    if (value instanceof OpaqueName name && name.receiver() != null) {
      later(name.receiver());
      return Extent.SINGLE;
    }
    if (value instanceof OpaqueObject object) {
      if (!withinObject) {
        throw Calls.object(file, object.type());
      }
      later(object);
      return Extent.SINGLE;
    }
    if (value instanceof Storage) {
      throw file.refusal("it holds a storage that is not within a tensor");
    }
    if (!(value instanceof List<?>) && !(value instanceof Dict)) {
      return Extent.SINGLE;
    }
    Extent known = seen.get(value);
    if (known != null && known.isOpen()) {
      throw file.refusal("it holds " + name(value) + " that contains itself");
    }
    if (known != null) {
      return known;
    }
    if (depth > DEPTH) {
      throw tooDeep();
    }
    file.charge(SEEN);
    seen.put(value, Extent.OPEN);
    Extent extent = extentOf(value, depth);
    seen.put(value, extent);
    return extent;
  }

  private Extent extentOf(Object value, int depth) throws TorchFileException {
    Extent sum = Extent.SINGLE;
    if (value instanceof List<?> list) {
      for (Object element : list) {
        sum = sum(sum, extent(element, depth + 1));
      }
    } else if (value instanceof Dict dict) {
      for (Map.Entry<?, ?> entry : dict.entrySet()) {
        sum = sum(sum, extent(entry.getKey(), depth + 1));
        sum = sum(sum, extent(entry.getValue(), depth + 1));
      }
      if (dict.attributeDict() != null) {
        sum = sum(sum, extent(dict.attributeDict(), depth + 1));
      }
    }
    return sum;
  }

  private Extent sum(Extent outer, Extent inner) throws TorchFileException {
    int depth = Math.max(outer.depth, inner.depth + 1);
    long count = outer.count + inner.count;
    if (depth > DEPTH) {
      throw tooDeep();
    }
    if (count > most) {
      throw file.refusal("its lists hold one another so often that they would unfold without end");
    }
    return new Extent(depth, count);
  }

  private void later(OpaqueObject object) {
    if (seen.put(object, Extent.SINGLE) == null) {
      objects.add(object);
    }
  }

  private TorchFileException tooDeep() {
    return file.refusal("its lists and dicts lie more than " + DEPTH + " deep in one another");
  }

  /** Tells whether something may be a key: it has a hash that is soon computed. */
  static boolean isKey(@Nullable Object key) {
    if (key instanceof Tuple tuple) {
      return tuple.size() <= KEY_LENGTH && tuple.stream().allMatch(Values::isSingle);
    }
    return isSingle(key) || key instanceof TorchTensor;
  }

  private static boolean isSingle(@Nullable Object key) {
    return key == null
        || key instanceof String
        || key instanceof Number
        || key instanceof Boolean
        || key instanceof DType
        || key instanceof OpaqueName;
  }

  /** What a value is called in a message. */
  static String name(@Nullable Object value) {
    if (value == null) {
      return "None";
    } else if (value instanceof Tuple) {
      return "a tuple";
    } else if (value instanceof List<?>) {
      return "a list";
    } else if (value instanceof Map<?, ?>) {
      return "a dict";
    } else if (value instanceof TorchTensor) {
      return "a tensor";
    } else if (value instanceof String) {
      return "a string";
    } else if (value instanceof Boolean) {
      return "a boolean";
    } else if (value instanceof Long || value instanceof BigInteger) {
      return "an integer";
    } else if (value instanceof Double) {
      return "a float";
    } else if (value instanceof OpaqueName name) {
      return "the name " + name;
    } else if (value instanceof OpaqueObject object) {
      return "an object of the class " + object.type();
    } else if (value instanceof Storage) {
      return "a storage";
    }
    return value.getClass().getName();
  }
}
