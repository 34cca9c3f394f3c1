package io.github.dl4jtorch.files;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a pickle of protocol 2, as torch.save does. What is one object here is one object in
 * Python again.
 */
final class Pickler {

  private static final String REBUILD = "torch._utils";

  /** The longest integer that is read and written, in bytes. */
  private static final int LONGEST_INTEGER = 255;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final IdentityHashMap<Object, Integer> objects = new IdentityHashMap<>();
  private final Map<Object, Integer> texts = new HashMap<>();
  private final IdentityHashMap<Storage, Integer> storageKeys = new IdentityHashMap<>();
  private final List<TorchTensor> storages = new ArrayList<>();
  private int memoized;

  /** What is being written, for messages. */
  private final List<@Nullable Object> path = new ArrayList<>();

  /**
   * Pickles a value.
   *
   * @throws IllegalArgumentException if something in it cannot be written
   */
  byte[] pickle(@Nullable Object value) {
    write(0x80, 2);
    save(value);
    write('.');
    return out.toByteArray();
  }

  /** The storages that the pickle refers to by their index, each as a tensor of all it has. */
  List<TorchTensor> storages() {
    return storages;
  }

  private void save(@Nullable Object value) {
    if (value == null) {
      write('N');
    } else if (value instanceof Boolean truth) {
      write(truth ? 0x88 : 0x89);
    } else if (value instanceof Double || value instanceof Float) {
      write('G');
      write(ByteBuffer.allocate(8).putDouble(((Number) value).doubleValue()).array());
    } else if (value instanceof BigInteger integer) {
      saveInteger(integer);
    } else if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      saveLong(((Number) value).longValue());
    } else if (value instanceof String text) {
      saveText(text);
    } else if (value instanceof DType dtype) {
      saveName("torch", dtype.torchName());
    } else if (!recall(objects.get(value))) {
      saveObject(value);
    }
  }

  private void saveObject(Object value) {
    if (value instanceof TorchTensor tensor) {
      saveTensor(tensor);
    } else if (value instanceof OpaqueName name) {
      saveOpaque(name);
    } else if (value instanceof OpaqueObject object) {
      saveObject(object);
    } else if (value instanceof Tuple tuple) {
      saveTuple(tuple);
    } else if (value instanceof Map<?, ?> map) {
      saveMap(map);
    } else if (value instanceof List<?> list) {
      write(']');
      memoize(list);
      if (!list.isEmpty()) {
        write('(');
        for (int i = 0; i < list.size(); i++) {
          within(i, list.get(i));
        }
        write('e');
      }
    } else {
      throw refusal(value.getClass().getName() + " is nothing that can be written");
    }
  }

  /** Saves a part of what is being saved. */
  private void within(@Nullable Object key, @Nullable Object value) {
    if (path.size() == Values.DEPTH) {
      path.subList(4, path.size()).clear();
      throw refusal("maps and lists lie more than " + Values.DEPTH + " deep in one another");
    }
    path.add(key);
    save(value);
    path.remove(path.size() - 1);
  }

  private IllegalArgumentException refusal(String reason) {
    return new IllegalArgumentException(path.isEmpty() ? reason : "at " + path + ": " + reason);
  }

  private void saveMap(Map<?, ?> map) {
    Dict dict = map instanceof Dict known ? known : null;
    Dict.Type type = dict == null ? Dict.Type.DICT : dict.type();
    switch (type) {
      case DICT -> write('}');
      case ORDERED_DICT -> {
        saveName("collections", "OrderedDict");
        write(')', 'R');
      }
      case COUNTER -> {
        saveName("collections", "Counter");
        write('}');
        saveEntries(map);
        write(0x85, 'R');
      }
      case DEFAULT_DICT -> {
        saveName("collections", "defaultdict");
        OpaqueName factory = dict == null ? null : dict.defaultFactory();
        if (factory == null) {
          write(')');
        } else {
          save(factory);
          write(0x85);
        }
        write('R');
      }
    }
    memoize(map);
    if (type != Dict.Type.COUNTER) {
      saveEntries(map);
    }
    if (dict != null && dict.attributeDict() != null) {
      save(dict.attributeDict());
      write('b');
    }
  }

  private void saveEntries(Map<?, ?> map) {
    if (map.isEmpty()) {
      return;
    }
    write('(');
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (!Values.isKey(entry.getKey())) {
        throw refusal("the key " + entry.getKey() + " is none that can be read again");
      }
      save(entry.getKey());
      within(entry.getKey(), entry.getValue());
    }
    write('u');
  }

  private void saveTuple(Tuple tuple) {
    if (tuple.isTorchSize()) {
      saveName("torch", "Size");
    }
    if (tuple.size() > 3) {
      write('(');
    }
    for (int i = 0; i < tuple.size(); i++) {
      within(i, tuple.get(i));
    }
    switch (tuple.size()) {
      case 0 -> write(')');
      case 1 -> write(0x85);
      case 2 -> write(0x86);
      case 3 -> write(0x87);
      default -> write('t');
    }
    if (tuple.isTorchSize()) {
      write(0x85, 'R');
    }
    memoize(tuple);
  }

  private void saveTensor(TorchTensor tensor) {
    if (tensor.isParameter()) {
      saveName(REBUILD, "_rebuild_parameter");
    }
    boolean untyped = tensor.dtype().storageClass() == null;
    saveName(REBUILD, untyped ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
    write('(');
    saveStorage(tensor, untyped);
    saveLong(tensor.offset());
    saveLongs(tensor.shape());
    saveLongs(tensor.strides());
    write(tensor.requiresGrad() && !tensor.isParameter() ? 0x88 : 0x89);
    saveNoHooks();
    if (untyped) {
      save(tensor.dtype());
    }
    write('t', 'R');
    if (tensor.isParameter()) {
      write(tensor.requiresGrad() ? 0x88 : 0x89);
      saveNoHooks();
      write(0x87, 'R');
    }
    memoize(tensor);
  }

  private void saveNoHooks() {
    saveName("collections", "OrderedDict");
    write(')', 'R');
  }

  private void saveLongs(long[] values) {
    saveTuple(new Tuple(Arrays.stream(values).boxed().toArray(), false));
  }

  private void saveStorage(TorchTensor tensor, boolean untyped) {
    Storage storage = tensor.storage();
    Integer key = storageKeys.get(storage);
    if (key == null) {
      key = storages.size();
      storageKeys.put(storage, key);
      storages.add(all(storage, tensor.dtype()));
    }
    write('(');
    saveText("storage");
    String storageClass = tensor.dtype().storageClass();
    if (untyped || storageClass == null) {
      saveName("torch.storage", "UntypedStorage");
    } else {
      saveName("torch", storageClass);
    }
    saveText(key.toString());
    saveText(storage.location());
    saveLong(untyped ? storage.size() : storage.size() / tensor.dtype().itemSize());
    write('t', 'Q');
  }

  /** A storage as a tensor, of a kind whose bytes are turned round as those of its tensors are. */
  private static TorchTensor all(Storage storage, DType dtype) {
    DType kind = storage.size() % dtype.itemSize() == 0 ? dtype : DType.UINT8;
    long[] shape = {storage.size() / kind.itemSize()};
    return new TorchTensor(kind, shape, TorchTensor.contiguous(shape), 0, storage, false, false);
  }

  private void saveOpaque(OpaqueName name) {
    OpaqueObject receiver = name.receiver();
    if (receiver == null) {
      saveOpaque(name.module(), name.name());
      memoize(name);
      return;
    }
    saveName("__builtin__", "getattr");
    save(receiver);
    saveText(name.name().substring(name.name().lastIndexOf('.') + 1));
    write(0x86, 'R');
    Integer already = objects.get(name);
    if (already == null) {
      memoize(name);
    } else {
      // The object it is bound to holds it too, and it was saved there.
      write('0');
      recall(already);
    }
  }

  /** A name within a class takes a call of getattr: this protocol has no other way to say it. */
  private void saveOpaque(String module, String name) {
    int dot = name.lastIndexOf('.');
    if (dot < 0) {
      saveName(module, name);
      return;
    }
    saveName("__builtin__", "getattr");
    saveOpaque(module, name.substring(0, dot));
    saveText(name.substring(dot + 1));
    write(0x86, 'R');
  }

  private void saveObject(OpaqueObject object) {
    saveOpaque(object.type().module(), object.type().name());
    write(')', 0x81);
    memoize(object);
    within(object.type(), object.state());
    write('b');
  }

  private void saveName(String module, String name) {
    OpaqueName global = new OpaqueName(module, name);
    if (!recall(texts.get(global))) {
      write('c');
      write((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
      texts.put(global, remember());
    }
  }

  private void saveText(String text) {
    if (recall(texts.get(text))) {
      return;
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw refusal("a string has a half of a character, which UTF-8 cannot hold");
    }
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    write('X');
    writeI32(encoded.length);
    write(encoded);
    texts.put(text, remember());
  }

  private void saveLong(long value) {
    if (value >= 0 && value <= 0xFF) {
      write('K', (int) value);
    } else if (value >= 0 && value <= 0xFFFF) {
      write('M', (int) value, (int) (value >> 8));
    } else if (value == (int) value) {
      write('J');
      writeI32((int) value);
    } else {
      saveInteger(BigInteger.valueOf(value));
    }
  }

  private void saveInteger(BigInteger value) {
    if (value.bitLength() < Integer.SIZE) {
      saveLong(value.longValue());
      return;
    }
    byte[] bytes = value.toByteArray();
    if (bytes.length > LONGEST_INTEGER) {
      throw refusal("an integer has " + bytes.length + " bytes, more than " + LONGEST_INTEGER);
    }
    write(0x8A, bytes.length);
    for (int i = bytes.length - 1; i >= 0; i--) {
      write(bytes[i]);
    }
  }

  private void memoize(Object object) {
    objects.put(object, remember());
  }

  private int remember() {
    int index = memoized++;
    if (index <= 0xFF) {
      write('q', index);
    } else {
      write('r');
      writeI32(index);
    }
    return index;
  }

  /** Takes something from the memo if it is there. */
  private boolean recall(@Nullable Integer index) {
    if (index == null) {
      return false;
    }
    if (index <= 0xFF) {
      write('h', index);
    } else {
      write('j');
      writeI32(index);
    }
    return true;
  }

  private void write(int... bytes) {
    for (int value : bytes) {
      out.write(value);
    }
  }

  private void write(byte[] bytes) {
    out.writeBytes(bytes);
  }

  private void writeI32(int value) {
    write(value, value >> 8, value >> 16, value >> 24);
  }
}
