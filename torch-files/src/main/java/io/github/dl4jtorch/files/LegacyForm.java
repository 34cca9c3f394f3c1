package io.github.dl4jtorch.files;

import java.math.BigInteger;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the form that torch.save wrote up to 1.5: five pickles (a magic number, a version, facts
 * about the machine, the value, the keys of the storages) and then the storages one by one, each
 * with its number of elements before it. These are little-endian whatever machine wrote them, and
 * have no checksums.
 */
final class LegacyForm {

  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long VERSION = 1001;

  private final InputFile file;
  private final Map<String, Storage> storages = new HashMap<>();

  private LegacyForm(InputFile file) {
    this.file = file;
  }

  static @Nullable Object read(InputFile file) throws TorchFileException {
    return new LegacyForm(file).read();
  }

  private @Nullable Object read() throws TorchFileException {
    ByteReader in = file.reader(0, file.size());
    if (!MAGIC.equals(new Unpickler(in, this::storage).load())) {
      throw file.refusal(
          "it is a pickle, but none that torch.save wrote; in Python, torch.save(value, path) writes"
              + " what can be read here");
    }
    Object version = new Unpickler(in, this::storage).load();
    if (!Long.valueOf(VERSION).equals(version)) {
      throw file.refusal("its version is not " + VERSION);
    }
    new Unpickler(in, this::storage).load();
    long start = in.position();
    Object value = new Unpickler(in, this::storage).load();
    long pickleSize = in.position() - start;
    if (!(new Unpickler(in, this::storage).load() instanceof PythonList keys)) {
      throw file.refusal("it has no list of its storages");
    }
    place(keys, in);
    Values.check(file, value, pickleSize);
    return value;
  }

  private void place(List<?> keys, ByteReader in) throws TorchFileException {
    Map<String, Storage> missing = new HashMap<>(storages);
    for (Object key : keys) {
      Storage storage = key instanceof String ? missing.remove(key) : null;
      if (storage == null) {
        throw file.refusal("it has a storage that no tensor is in, or has it twice");
      }
      long numel = in.i64();
      if (numel != storage.numel()) {
        throw file.refusal(
            "its storage " + key + " has " + numel + " elements, not " + storage.numel());
      }
      in.require(storage.size());
      storage.place(file.bytes().part(in.position(), storage.size()), ByteOrder.LITTLE_ENDIAN);
      in.skip(storage.size());
    }
    if (!missing.isEmpty()) {
      throw file.refusal("it has no storage " + missing.keySet().iterator().next());
    }
  }

  /**
   * Loads {@code ("storage", class, key, location, numel, view)} or {@code ("module", class, source
   * file, source)}.
   */
  private @Nullable Object storage(Tuple id) throws TorchFileException {
    if (id.size() == 4 && "module".equals(id.get(0))) {
      return id.get(1);
    }
    StorageId wanted = StorageId.of(file, id);
    Storage storage = storages.get(wanted.key());
    if (storage == null) {
      storage = wanted.storage();
      storages.put(wanted.key(), storage);
    }
    wanted.requireSame(storage);
    if (id.size() < 6 || id.get(5) == null) {
      return storage;
    }
    if (id.get(5) instanceof Tuple view
        && view.size() == 3
        && view.get(1) instanceof Long offset
        && view.get(2) instanceof Long numel
        && offset >= 0
        && numel >= 0
        && offset <= storage.numel()
        && numel <= storage.numel() - offset) {
      return new Calls.View(storage, offset, numel);
    }
    throw file.refusal("it has a part of the storage " + wanted.key() + " that is beyond its end");
  }
}
