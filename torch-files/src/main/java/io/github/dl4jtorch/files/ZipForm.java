package io.github.dl4jtorch.files;

import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the form that torch.save has written since 1.6: a zip file with a pickle and storages. */
final class ZipForm {

  private static final String PICKLE = "data.pkl";

  private final InputFile file;
  private final ZipContents zip;
  private final String folder;
  private final ByteOrder order;
  private final Map<String, Storage> storages = new HashMap<>();

  private ZipForm(InputFile file) throws TorchFileException {
    this.file = file;
    this.zip = ZipContents.of(file);
    this.folder = folder();
    if (zip.bytes(folder + "constants.pkl") != null) {
      throw file.refusal(
          "it is a TorchScript program, of torch.jit.save; in Python,"
              + " torch.save(model.state_dict(), path) writes what can be read here");
    }
    this.order = byteOrder();
  }

  static @Nullable Object read(InputFile file) throws TorchFileException {
    ZipForm form = new ZipForm(file);
    ByteReader pickle = form.zip.reader(form.folder + PICKLE);
    Object value = new Unpickler(pickle, form::storage).load();
    Values.check(file, value, pickle.size());
    return value;
  }

  /** All entries are in one folder, named after the file as it once was. */
  private String folder() throws TorchFileException {
    for (String name : zip.names()) {
      int slash = name.indexOf('/');
      if (slash >= 0 && name.substring(slash + 1).equals(PICKLE)) {
        return name.substring(0, slash + 1);
      }
    }
    throw file.refusal("it is a zip file, but none of PyTorch's: it has no " + PICKLE);
  }

  private ByteOrder byteOrder() throws TorchFileException {
    String name = folder + "byteorder";
    if (zip.bytes(name) == null) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    ByteReader in = zip.reader(name);
    String written = in.text(in.remaining());
    return switch (written) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default -> throw file.refusal("its byte order is neither little nor big but " + written);
    };
  }

  /** Loads {@code ("storage", class, key, location, numel)}. */
  private Storage storage(Tuple id) throws TorchFileException {
    StorageId wanted = StorageId.of(file, id);
    Storage known = storages.get(wanted.key());
    if (known != null) {
      wanted.requireSame(known);
      return known;
    }
    Storage storage = wanted.storage();
    Bytes bytes = zip.bytes(folder + "data/" + wanted.key());
    if (bytes == null) {
      throw file.refusal("it has no storage " + wanted.key());
    }
    if (bytes.size() != storage.size()) {
      throw file.refusal(
          "its storage " + wanted.key() + " has " + bytes.size() + " bytes, not " + storage.size());
    }
    storage.place(bytes, order);
    storages.put(wanted.key(), storage);
    return storage;
  }
}
